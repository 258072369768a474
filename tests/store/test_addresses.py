"""One address is one account, however it is written; what only looks like another address is refused."""

import pytest

from store import people

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Asha@Example.COM", "asha@example.com"), (" asha@example.com ", "asha@example.com"),
        ("asha@BÜCHER.example", "asha@xn--bcher-kva.example"), ("asha@bücher.example", "asha@xn--bcher-kva.example"),
        ("asha@xn--bcher-kva.example", "asha@xn--bcher-kva.example"), ("ａｓｈａ@example.com", "asha@example.com"),
        ("asha+tickets@example.com", "asha+tickets@example.com"), ("KELVIN@example.com", "kelvin@example.com"),
    ],
)  # fmt: skip
def test_an_address_has_one_form(written, kept):
    assert people.address(written) == kept


@pytest.mark.parametrize(
    "written",
    ["ashа@example.com", "ıan@example.com", "josé@example.com", "ﬁona@пример@x", "@example.com", "asha@", "asha",
     "asha@exa mple.com", "asha@-example.com", "asha@\u202eexample.com", f"asha@{'ü' * 70}.example"],
)  # fmt: skip
def test_what_is_no_address_or_only_looks_like_one_is_refused(written):
    with pytest.raises(people.BadAddress):
        people.address(written)
