"""The shop that people see: thin HTML pages over the catalogue and the public API.

``pages`` is the blueprint to mount; ``not_found`` is the page for an address that leads nowhere, ``not_now`` the one
for when a part is out of reach.
"""

from edge.pages.routes import not_found, not_now, pages

__all__ = ["not_found", "not_now", "pages"]
