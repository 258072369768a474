"""What a saga is, and how it advances: a table of steps, and one pure function over it."""

from collections.abc import Callable, Iterable
from typing import Any, Literal
from uuid import UUID

import msgspec

from sagas.identity import derived
from sagas.messages import Event, Message, SagaCommand

Course = Literal["forward", "back", "ended"]


class Step(msgspec.Struct, frozen=True):
    """One row of the table: what is asked, the event that completes it, and its undo.

    ``refused`` events turn the saga round; an ``undone`` event says that the step holds no longer, whoever ended it;
    ``on`` answers an event within the step by a further command; an ``implied_by`` event completes the following step
    and with it this one (webhooks overtake answers); a ``restarted_by`` event begins the step anew, also while the one
    after it is awaited; an ``unasked`` step is completed by its event, whatever that answers; ``reopens`` names the
    outcomes after which the step's late completion carries the saga forward again instead of being undone.

    A step may take several rounds: it is done once it is ``enough``, and until then its command is sent again; it is
    undone once nothing of it ``stands`` any more, and until then its undo is.  An event of ``again`` has an undo that
    failed tried anew; one of ``freed_by`` goes on where nothing was asked for yet, or the answer was no."""

    name: str
    done: type[Event]
    do: type[Message] | None = None
    undo: type[Message] | None = None
    undone: tuple[type[Event], ...] = ()
    refused: tuple[type[Event], ...] = ()
    on: dict[type[Event], type[Message]] = {}
    implied_by: tuple[type[Event], ...] = ()
    restarted_by: tuple[type[Event], ...] = ()
    unasked: bool = False
    reopens: tuple[str, ...] = ()
    enough: Callable[[Any], bool] | None = None
    stands: Callable[[Any], bool] | None = None
    again: tuple[type[Event], ...] = ()
    freed_by: tuple[type[Event], ...] = ()


class Progress(msgspec.Struct, frozen=True):
    """How far one saga has come.  ``awaiting`` is its outbox: the commands whose answers are still to come, sent
    again by a sweep when those are overdue; ``awaited`` is the one among them that the main line waits for, ``aside``
    are those that were issued beside it, whose answers never move it."""

    facts: Any
    step: str
    course: Course = "forward"
    done: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    outcome: str = ""
    awaited: UUID | None = None
    awaiting: tuple[SagaCommand, ...] = ()
    aside: tuple[UUID, ...] = ()
    issued: int = 0


#: A command's fields, all but the ids that the saga gives it; None where there is nothing to ask yet.
Fields = dict[str, Any]


class Saga:
    """A table of steps, with what only this saga knows.

    ``learn`` takes what an event teaches into the facts, ``sent`` what a command that goes out does; ``build`` fills a
    step's command in; ``met`` tells a fact that is told again; ``moves`` whether an event concerns the main line at
    all; ``beside`` which commands it calls for beside the main line; ``outcomes`` names how a refusal ends it;
    ``answers`` says which command an event answers by now, where whoever tells it may not know the latest;
    ``beyond`` names events that mean nothing until the pivot is reached."""

    def __init__(
        self,
        name: str,
        *steps: Step,
        pivot: str,
        learn: Callable[[Any, Event], Any],
        sent: Callable[[Any, SagaCommand], Any],
        build: Callable[[type[Message], Any, str, Event], Fields | None],
        met: Callable[[Any, Event], bool],
        moves: Callable[[Any, Any, Event], bool],
        beside: Callable[[Any, Any, Event], Iterable[tuple[type[Message], Fields]]],
        outcomes: dict[type[Event], str],
        answers: Callable[[Progress, Event], UUID | None] = lambda at, event: event.answers,
        beyond: tuple[type[Event], ...] = (),
    ) -> None:
        self.name, self.steps, self.pivot = name, steps, pivot
        self.learn, self.sent, self.build, self.met = learn, sent, build, met
        self.moves, self.beside, self.outcomes = moves, beside, outcomes
        self.answers, self.beyond = answers, beyond
        self.by_name = {step.name: step for step in steps}
        names = [step.name for step in steps]
        if len(self.by_name) != len(names):
            raise ValueError(f"{name}: two steps share a name")
        self._before_pivot = frozenset(names[: names.index(pivot)])
        after_pivot = steps[names.index(pivot) :]
        if any(step.undo for step in after_pivot):
            raise ValueError(f"{name}: no undo may follow the pivot {pivot!r}")
        if any(step.undo and not step.undone for step in steps):
            raise ValueError(f"{name}: an undo needs the event that completes it")
        unnamed = {event for step in steps for event in step.refused} - set(outcomes)
        if unnamed:
            raise ValueError(f"{name}: no outcome is named for {unnamed}")

    def after(self, name: str) -> Step | None:
        names = [step.name for step in self.steps]
        place = names.index(name) + 1
        return self.steps[place] if place < len(self.steps) else None

    def is_past_pivot(self, at: Progress) -> bool:
        """Whether it only goes forward from here."""
        return self._before_pivot <= set(at.done)


Moved = tuple[Progress, list[SagaCommand]]


def advance(saga: Saga, at: Progress, event: Event) -> Moved:
    """Take one event; return how far the saga has come now, and the commands to send.

    1. The awaited event moves it forward.
    2. A refusal turns it round; finished steps are undone, last first.
    3. A step that completes after it was given up is undone at once; where the step reopens the outcome, it carries
       the saga forward again instead (money after an expiry first asks the lane).
    4. Anything else is a repeat, and changes nothing.

    A command in flight is never abandoned: while its answer is awaited, only that answer moves the main line.
    """
    if (answers := saga.answers(at, event)) != event.answers:
        event = msgspec.structs.replace(event, answers=answers)
    answered = event.answers in {c.command_id for c in at.awaiting} - set(at.aside)
    before = at.facts
    at = msgspec.structs.replace(
        at,
        facts=saga.learn(at.facts, event),
        awaiting=tuple(c for c in at.awaiting if c.command_id != event.answers),
    )
    if saga.met(before, event) or (type(event) in saga.beyond and not saga.is_past_pivot(at)):
        return at, []
    commands: list[SagaCommand] = []
    learned = at.facts
    if saga.moves(before, learned, event):
        at, commands = _move(saga, at, event, answered)
    for command, fields in saga.beside(before, learned, event):
        at, more = _send(saga, at, command, fields, main=False)
        commands = [*commands, *more]
    return at, commands


def _move(saga: Saga, at: Progress, event: Event, answered: bool) -> Moved:
    """What the event does to the main line."""
    kind, step = type(event), saga.by_name.get(at.step)
    if step and at.course == "forward":
        if kind is step.done and (step.unasked or step.do is None or answered):
            return _forward(saga, at, step, event)
        if kind in step.implied_by and (following := saga.after(step.name)):
            at = msgspec.structs.replace(at, done=(*at.done, step.name), awaiting=_without_awaited(at))
            return _forward(saga, at, following, event)
        if again := _restarted(saga, at, kind):
            return _restart(saga, at, again, event)
        if kind in step.refused:
            return _turn_round(saga, at, event)
        if kind in step.on:
            return _issue(saga, at, step.on[kind], event)
    elif step and at.course == "back" and kind in step.undone and event.answers == at.awaited:
        return _back(saga, at if step.stands and step.stands(at.facts) else _without(at, step.name), event)
    elif step and step.undo and at.course == "back" and kind in step.again:
        return _issue(saga, at, step.undo, event)
    elif step and at.course == "back" and kind in step.freed_by and not _is_in_flight(at):
        return _back(saga, at, event)

    if at.course != "forward" and (late := _completes(saga, kind)) and late.name not in at.done:
        if at.course == "ended" and at.outcome in late.reopens:
            at = msgspec.structs.replace(at, course="forward", done=(), undone=(), outcome="")
            return _forward(saga, at, late, event)
        if late.undo and late.name not in at.undone:
            at = msgspec.structs.replace(at, done=(*at.done, late.name))
            return _back(saga, at, event) if at.course == "ended" else (at, [])
    return at, []


def _is_in_flight(at: Progress) -> bool:
    """Whether the main line's command has not been answered yet."""
    return any(command.command_id == at.awaited for command in at.awaiting)


def _restarted(saga: Saga, at: Progress, kind: type[Event]) -> Step | None:
    """The step that this event begins anew: the one that is awaited, or the one before it."""
    return next(
        (
            step
            for step in saga.steps
            if kind in step.restarted_by and at.step in (step.name, getattr(saga.after(step.name), "name", ""))
        ),
        None,
    )


def _restart(saga: Saga, at: Progress, step: Step, event: Event) -> Moved:
    """Ask anew; an answer to what was asked before no longer completes the step, unless it comes unasked anyway."""
    at = msgspec.structs.replace(
        at,
        step=step.name,
        done=tuple(name for name in at.done if name != step.name),
        awaiting=_without_awaited(at),
        awaited=None,
    )
    return _issue(saga, at, step.do, event) if step.do else (at, [])


def _completes(saga: Saga, kind: type[Event]) -> Step | None:
    return next((step for step in saga.steps if step.done is kind), None)


def _without(at: Progress, name: str) -> Progress:
    if name not in at.done:
        return at
    return msgspec.structs.replace(
        at, done=tuple(other for other in at.done if other != name), undone=(*at.undone, name)
    )


def _forward(saga: Saga, at: Progress, step: Step, event: Event) -> Moved:
    if step.do and step.enough and not step.enough(at.facts):
        at = msgspec.structs.replace(at, step=step.name, awaiting=_without_awaited(at), awaited=None)
        return _issue(saga, at, step.do, event)
    following = saga.after(step.name)
    at = msgspec.structs.replace(at, done=(*at.done, step.name), awaiting=_without_awaited(at), awaited=None)
    if following is None:
        return msgspec.structs.replace(at, step="", course="ended", outcome="completed"), []
    at = msgspec.structs.replace(at, step=following.name)
    return _issue(saga, at, following.do, event) if following.do else (at, [])


def _turn_round(saga: Saga, at: Progress, refusal: Event) -> Moved:
    """A step of which only a part stands is undone after those that were finished: money goes back once the lane has
    released the seats."""
    for step in saga.steps:
        if type(refusal) in step.undone:
            at = _without(at, step.name)
        elif step.stands and step.stands(at.facts) and step.name not in at.done:
            at = msgspec.structs.replace(at, done=(step.name, *at.done))
    outcome = saga.outcomes[type(refusal)]
    at = msgspec.structs.replace(at, course="back", outcome=outcome, awaiting=_without_awaited(at), awaited=None)
    return _back(saga, at, refusal)


def _without_awaited(at: Progress) -> tuple[SagaCommand, ...]:
    return tuple(command for command in at.awaiting if command.command_id != at.awaited)


def _back(saga: Saga, at: Progress, event: Event) -> Moved:
    """Undo the last finished step that has an undo; without one, the saga has ended."""
    for name in reversed(at.done):
        step = saga.by_name[name]
        if step.undo and (step.stands is None or step.stands(at.facts)):
            at = msgspec.structs.replace(at, course="back", step=name, awaited=None)
            return _issue(saga, at, step.undo, event)
    return msgspec.structs.replace(at, step="", course="ended", done=(), awaited=None), []


def _issue(saga: Saga, at: Progress, command: type[Message], event: Event) -> Moved:
    """Send a step's command because of an event: the one whose answer moves the main line."""
    fields = saga.build(command, at.facts, at.outcome, event)
    return (at, []) if fields is None else _send(saga, at, command, fields)


def _send(saga: Saga, at: Progress, command: type[Message], fields: Fields, *, main: bool = True) -> Moved:
    booking_id = at.facts.booking_id
    ids = {"command_id": derived(booking_id, command.name(), at.issued), "booking_id": booking_id}
    built: Any = command(**ids, **fields)
    at = msgspec.structs.replace(
        at, issued=at.issued + 1, awaiting=(*at.awaiting, built), facts=saga.sent(at.facts, built)
    )
    if main:
        return msgspec.structs.replace(at, awaited=built.command_id), [built]
    return msgspec.structs.replace(at, aside=(*at.aside, built.command_id)), [built]
