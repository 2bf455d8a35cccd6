"""Who may start, and who may go on with a connection that it has."""

from newsletter_service.delivery.flow import FREE, Allowed, Flow, Held, Pass

RELAY = "relay:1"


def admitted(found: Pass | Held) -> Pass:
    assert isinstance(found, Pass)
    return found


def test_a_message_that_goes_on_with_a_connection_takes_no_second_seat() -> None:
    flow = Flow(10)
    flow.allow({RELAY: Allowed(seats=1)})
    passed = admitted(flow.enter([RELAY]))
    for _ in range(3):
        passed = passed.hand_on(admitted(flow.enter([RELAY], seat=passed.seat)))
    assert isinstance(flow.enter([RELAY]), Held)
    passed.leave()
    assert flow.in_use() == {RELAY: 0}


def test_with_fewer_seats_than_are_taken_one_of_them_goes_on_no_longer() -> None:
    flow = Flow(10)
    flow.allow({RELAY: Allowed(seats=2)})
    first, second = (admitted(flow.enter([RELAY])) for _ in range(2))
    flow.allow({RELAY: Allowed(seats=1)})
    assert isinstance(flow.enter([RELAY], seat=first.seat), Held)
    first.leave()
    assert admitted(flow.enter([RELAY], seat=second.seat)).seat is None


def test_a_limit_that_is_new_counts_who_goes_on() -> None:
    flow = Flow(10)
    passed = admitted(flow.enter([RELAY]))
    assert passed == FREE
    flow.allow({RELAY: Allowed(seats=1)})
    passed = passed.hand_on(admitted(flow.enter([RELAY], seat=passed.seat)))
    assert flow.in_use() == {RELAY: 1}
    assert isinstance(flow.enter([RELAY]), Held)


def test_a_group_counts_a_message_and_not_a_connection() -> None:
    flow = Flow(10)
    flow.allow({RELAY: Allowed(seats=2), "group:a": Allowed(seats=1)})
    passed = admitted(flow.enter([RELAY, "group:a"]))
    assert isinstance(flow.enter([RELAY, "group:a"], seat=passed.seat), Held)
    coming = admitted(flow.enter([RELAY], seat=passed.seat))
    passed = passed.hand_on(coming)
    assert flow.in_use() == {RELAY: 1, "group:a": 0}
    passed.leave()
    assert flow.in_use() == {RELAY: 0, "group:a": 0}
