"""What Prometheus reads."""

import math
from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from newsletter_service.operations import metrics
from tests.world import World

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def scraped() -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by name and label values."""
    text = metrics.exposition(NOW).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_r_9_7_every_name_is_there_at_the_first_scrape(small_world: World) -> None:
    names = {name for name, _labels in scraped()}
    assert {
        "newsletter_queue_jobs",
        "newsletter_queue_oldest_job_age_seconds",
        "newsletter_workers",
        "newsletter_worker_last_heartbeat_seconds",
        "newsletter_deliveries_total",
        "newsletter_deliveries_pending",
        "newsletter_in_doubt",
        "newsletter_bounces_total",
        "newsletter_complaints_total",
        "newsletter_complaint_ratio",
        "newsletter_suppressions",
        "newsletter_signups_total",
        "newsletter_confirmations_total",
        "newsletter_unsubscribes_total",
        "newsletter_scheduler_last_run_timestamp_seconds",
        "newsletter_issue_state",
        "newsletter_circuit_open",
        "newsletter_build_info",
    } <= names


def test_a_queue_server_that_is_away_gives_no_false_zero(small_world: World) -> None:
    samples = scraped()
    assert samples["newsletter_queue_reachable", ()] == 0
    assert math.isnan(samples["newsletter_queue_jobs", ("send", "queued")])


def test_readers_are_counted_and_never_named(small_world: World) -> None:
    small_world.readers(3)
    assert scraped()["newsletter_subscriptions", ("confirmed",)] == 3
    assert "@" not in metrics.exposition(NOW).decode()
