"""The provider's bad days: unknown is not failed, and nothing is charged or given back twice."""

import asyncio

from box_office import let_time_pass, until


async def test_while_the_provider_is_down_seats_are_kept_and_it_is_left_alone(product, show, buyers, emulator, rows):
    """Eight buyers at once; the provider turns every call away until it is well again."""
    turned_away, before = 1_000, product.logged("payments", "provider_away")
    await emulator.fault("429", turned_away, only="POST /v1/orders")
    them = [await buyers.make() for _ in range(8)]
    held = await asyncio.gather(*(buyer.hold(show, seat) for buyer, seat in zip(them, show.seats, strict=False)))

    async def is_left_alone():
        return product.logged("payments", "provider_away") > before

    await until("the breaker opens", is_left_alone)
    [fault] = await emulator.faults()
    assert turned_away - fault["left"] < 20, "a provider that is down is not asked again and again"
    for buyer, booking in zip(them, held, strict=True):
        assert (await buyer.booking(booking["id"]))["status"] == "held"
    await emulator.clear_faults()
    for booking in held:
        await let_time_pass(rows, booking["id"])
    orders = [await buyer.until_payable(one["id"], within=60) for buyer, one in zip(them, held, strict=True)]
    assert len(set(orders)) == len(orders)
    await emulator.pay(orders[0])
    await them[0].until_ticketed(held[0]["id"])
