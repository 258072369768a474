-- name: journal_of_command
SELECT result FROM journal WHERE command_id = $1 AND decided

-- name: journal_of_show
SELECT generation, "offset", place, command, booking_id, outcome, decided, decided_at, hash FROM journal
WHERE show_id = $1 AND lane = $2 AND (generation, "offset") > ($3, $4)
ORDER BY generation, "offset" LIMIT $5
