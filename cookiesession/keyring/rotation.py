"""What one does to a key ring: every function takes a document and returns the one after it.

    add        another key, that writes after the propagation window, or only reads
    promote    have a key write from now on
    retire     let a key go, as soon as no session can be under it
    revoke     let a key go at once, and its sessions with it
    prune      forget the keys that have gone
    rotate     whatever the schedule asks for at this moment; again and again, as from cron

The rules: pure functions; `now` is an argument, in Unix seconds. Each first settles what the dates
have done since the document was written. What would end sessions without being asked to is refused.
"""

from dataclasses import replace
from itertools import pairwise

from cookiesession import ConfigurationError, Key
from cookiesession.keyring.document import DatedKey, KeyringDocument, checked_note, moment_text


def add(
    document: KeyringDocument,
    now: int,
    *,
    key: Key | None = None,
    note: str = "",
    read_only: bool = False,
) -> KeyringDocument:
    """Add a key, a new one unless given.

    The first key of a ring writes at once. Any other writes after the propagation window, or, if it
    is `read_only`, never: for a key that other servers still write with.
    """
    document = settle(document, now)
    if key and any(key.fingerprint == each.id for each in document.keys):
        raise ConfigurationError(f"the key ring holds this key already, as {key.fingerprint}")
    primary = document.primary(now)
    activates = now if primary is None else now + document.schedule.propagation
    if read_only and primary is None:
        raise ConfigurationError("the first key of a ring must be one that writes")
    fresh = DatedKey.of(
        key or Key.generate(),
        now,
        activates=None if read_only else _free_moment(document, activates),
        note=checked_note(note),
    )
    return settle(replace(document, keys=(fresh, *document.keys)), now)


def promote(
    document: KeyringDocument, id_: str, now: int, *, at_once: bool = False
) -> KeyringDocument:
    """Have a key write from now on.

    Refuses a key that is younger than the propagation window, as a server that has not heard of it
    would take its sessions for a stranger's, unless that is to be `at_once`.
    """
    document = settle(document, now)
    key = find(document, id_)
    if key.state == "retired":
        raise ConfigurationError(f"key {key.id} is retired: add a new one")
    if key.state == "primary":
        return document
    known = key.created + document.schedule.propagation
    if now < known and not at_once:
        raise ConfigurationError(
            f"not every server may know key {key.id} before {moment_text(known)}: "
            "wait until then, or say --at-once"
        )
    return _with(document, replace(key, activates=_free_moment(document, now)), now)


def retire(document: KeyringDocument, id_: str, now: int) -> KeyringDocument:
    """Let a key go when no session can be under it any more: at once where it never wrote."""
    document = settle(document, now)
    key = find(document, id_)
    if key.state == "primary":
        raise ConfigurationError(f"key {key.id} is primary: promote another one first")
    if key.activates is not None and not key.has_activated(now):
        return _with(document, _gone(key, now), now)
    if key.activates is None and key.retires is None and key.key:
        return _with(document, replace(key, retires=now + document.schedule.overlap), now)
    return document  # its date was set when its successor was


def revoke(document: KeyringDocument, id_: str, now: int) -> KeyringDocument:
    """Let a key go at once: every session under it ends, on each server as it reloads the ring.

    Where it was the primary key, the newest other key takes over at once, or a new one.
    """
    document = settle(document, now)
    key = find(document, id_)
    document = replace(document, keys=_replaced(document, _gone(key, now)))
    if key.state == "primary":
        waiting = [
            other
            for other in document.keys
            if other.activates is not None and other.is_accepted(now)
        ]
        heir = waiting[0] if waiting else DatedKey.of(Key.generate(), now)
        heir = replace(heir, activates=_free_moment(document, now))
        others = tuple(other for other in document.keys if other.id != heir.id)
        document = replace(document, keys=(heir, *others))
    return settle(document, now)


def prune(document: KeyringDocument, now: int) -> KeyringDocument:
    """Forget the keys that have gone."""
    document = settle(document, now)
    return replace(document, keys=tuple(key for key in document.keys if key.state != "retired"))


def rotate(document: KeyringDocument, now: int, *, on_schedule: bool = True) -> KeyringDocument:
    """Prune, and add the next key where there is none yet.

    On schedule, that is when the primary key's lifetime ends within the propagation window; else at
    once. Either way the new key waits for the propagation window before it writes.
    """
    document = prune(document, now)
    primary = document.primary(now)
    if primary is None:
        return add(document, now)
    if any(key.activates is not None and now < key.activates for key in document.keys):
        return document
    assert primary.activates is not None
    due = primary.activates + document.schedule.lifetime
    if on_schedule and now < due - document.schedule.propagation:
        return document
    return add(document, now)


def settle(document: KeyringDocument, now: int) -> KeyringDocument:
    """Write down what the dates say: who is primary, who has gone, and when the others may go."""
    writers = [key for key in reversed(document.keys) if key.key and key.activates is not None]
    heirs = {key.id: heir for key, heir in pairwise(writers)}
    primary = document.primary(now)

    def settled(key: DatedKey) -> DatedKey:
        if key.state == "retired":
            return key
        if key.activates is not None:
            heir = heirs.get(key.id)
            key = replace(key, retires=_end_after(document, heir) if heir else None)
        if not key.is_accepted(now):
            return _gone(key, now)
        return replace(key, state="primary" if primary and key.id == primary.id else "accepted")

    return replace(document, keys=tuple(map(settled, document.keys)))


def _end_after(document: KeyringDocument, heir: DatedKey) -> int:
    assert heir.activates is not None
    return heir.activates + document.schedule.overlap


def what_next(document: KeyringDocument, key: DatedKey, now: int) -> str:
    """Say in a few words what the dates will do to a key."""
    if key.state == "retired":
        return "opens nothing; prune forgets it"
    if key.activates is None:
        step = "only reads"
    elif not key.has_activated(now):
        return f"will write from {moment_text(key.activates)}"
    elif key.state == "primary" and key.retires is None:
        successor_due = key.activates + document.schedule.lifetime - document.schedule.propagation
        return f"writes; a successor is due {moment_text(successor_due)}"
    elif key.state == "primary" and key.retires is not None:
        return f"writes until {moment_text(key.retires - document.schedule.overlap)}"
    else:
        step = "reads"
    return f"{step} until {moment_text(key.retires)}" if key.retires else step


def find(document: KeyringDocument, id_: str) -> DatedKey:
    """Return the key whose id starts so; raise `ConfigurationError` unless there is just one."""
    found = [key for key in document.keys if id_ and key.id.startswith(id_.lower())]
    if len(found) != 1:
        many = "several keys' ids start" if found else "no key's id starts"
        raise ConfigurationError(f"{many} with what was given: see cookiesession keys list")
    return found[0]


def _gone(key: DatedKey, when: int) -> DatedKey:
    return replace(key, key=None, state="retired", retires=min(when, key.retires or when))


def _with(document: KeyringDocument, key: DatedKey, now: int) -> KeyringDocument:
    return settle(replace(document, keys=_replaced(document, key)), now)


def _replaced(document: KeyringDocument, key: DatedKey) -> tuple[DatedKey, ...]:
    return tuple(key if other.id == key.id else other for other in document.keys)


def _free_moment(document: KeyringDocument, moment: int) -> int:
    """Return that moment, or the first after it at which no other key activates."""
    taken = {key.activates for key in document.keys if key.key}
    while moment in taken:
        moment += 1
    return moment
