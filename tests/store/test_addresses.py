"""One address is one account, however it is written; what only looks like another address is refused."""

import pytest

from store import people

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Asha@Example.COM", "asha@example.com"), (" asha@example.com ", "asha@example.com"),
        ("asha@BÜCHER.example", "asha@xn--bcher-kva.example"), ("asha@bücher.example", "asha@xn--bcher-kva.example"),
        ("asha@xn--bcher-kva.example", "asha@xn--bcher-kva.example"), 
        ("asha+tickets@example.com", "asha+tickets@example.com"), ("Kelvin@example.com", "kelvin@example.com"),
    ],
)  # fmt: skip
def test_an_address_has_one_form(written, kept):
    assert people.address(written) == kept


@pytest.mark.parametrize(
    "written",
    ["ashа@example.com", "ıan@example.com", "josé@example.com", "ﬁona@пример@x", "@example.com", "asha@", "asha",
     "asha@exa mple.com", "asha@-example.com", "as ha@example.com", "asha@\u202eexample.com",
     f"asha@{'ü' * 70}.example", "asha@x.example\r\nbcc: ravi@x.example"],
)  # fmt: skip
def test_what_is_no_address_or_only_looks_like_one_is_refused(written):
    with pytest.raises(people.BadAddress):
        people.address(written)


@pytest.mark.parametrize(
    "written",
    ["\uff41sha@example.com", "a\u017fha@example.com", "\u212aelvin@example.com", "asha\uff20example.com",
     "asha@\uff45xample.com", "asha@example\uff0ecom", "asha@\u212aelvin.com", "a\u2075@example.com"],
)  # fmt: skip
def test_a_look_alike_of_another_address_is_not_folded_into_it(written):
    """Who can read mail at the look-alike would take over the account of the address that it looks like."""
    with pytest.raises(people.BadAddress):
        people.address(written)
