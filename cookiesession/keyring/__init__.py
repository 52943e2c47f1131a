"""Keys with dates, read anew while they are in use: rotation without a restart.

    document   the key-ring document: which key opens, and which one writes, at a moment
    rotation   what one does to it: add, promote, retire, revoke, prune, rotate
    files      where it is kept: private, written whole or not at all
    live       the ring of a running application

Read them in this order. `docs/keyring.md` is the document's specification, and
`cookiesession keys` the command line.
"""

from cookiesession.keyring.document import DatedKey, KeyringDocument, Schedule
from cookiesession.keyring.files import KeyringFile
from cookiesession.keyring.live import LiveKeyring

__all__ = ["DatedKey", "KeyringDocument", "KeyringFile", "LiveKeyring", "Schedule"]
