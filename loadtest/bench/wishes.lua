-- Wishes for wrk: each request is the next buyer's, with a key of its own.  Arguments: a file of tokens (one to a line),
-- the path to post to, a file of bodies (one to a line), a word that makes keys new, and the seconds to wait (0: none).
local tokens, bodies, path, fresh, prefer, sent = {}, {}, "", "", "", 0

function init(arguments)
  for line in io.lines(arguments[1]) do tokens[#tokens + 1] = line end
  path = arguments[2]
  for line in io.lines(arguments[3]) do bodies[#bodies + 1] = line end
  fresh = arguments[4]
  if arguments[5] ~= "0" then prefer = "\r\nPrefer: wait=" .. arguments[5] end
end

function request()
  sent = sent + 1
  local body = bodies[sent % #bodies + 1]
  return "POST " .. path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nAuthorization: Bearer "
    .. tokens[sent % #tokens + 1] .. "\r\nIdempotency-Key: " .. fresh .. "-" .. sent .. prefer
    .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "refused": %d, "broken": %d, "p50_us": %d, "p99_us": %d, "max_us": %d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
