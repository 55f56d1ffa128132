//! Room, times, windows and percent: each figure is computed from the export and the target, and they add up.

use crate::compile;
use crate::fixture::{harbour, least, word};
use stufpack::plan::{Phase, Place};

#[test]
fn preflight_asks_for_the_room_that_the_content_needs() {
    let (much, none) = (compile(&harbour()), compile(&least()));

    // 212 GB, a fifth of it, and 10 GiB beside it.
    assert_eq!(much.facts.sizes.disk_bytes, 212_000_000_000 / 5 * 6 + (10 << 30));
    assert_eq!(none.facts.sizes.disk_bytes, 10 << 30);
    let step = much.steps().find(|step| step.id == "preflight/check-resources").expect("the step");
    assert!(step.what.contains("265 GB"), "{}", step.what);
}

#[test]
fn proving_takes_as_long_as_a_second_copy_where_the_export_has_no_digests() {
    let mut blind = harbour();
    blind.content.without_digest = (blind.content.objects, blind.content.bytes);
    let (blind, seeing) = (compile(&blind).facts.content, compile(&harbour()).facts.content);

    let line = 212_000_000_000 * 8 / seeing.bandwidth;
    assert_eq!(blind.proof.seconds, seeing.proof.seconds + line);
    // An export with digests reads at the target alone.
    assert_eq!(blind.reading(), seeing.proof.seconds);
    assert!(
        blind.proof.figures.contains("1000 objects with 212 GB × 8 ÷ 100 Mbit/s"),
        "{}",
        blind.proof.figures
    );
}

#[test]
fn content_is_copied_in_windows_and_the_figures_add_up() {
    let content = compile(&harbour()).facts.content;

    // 212 GB × 8 ÷ 100 Mbit/s
    assert_eq!(content.copy.seconds, 16_960);
    assert_eq!(content.batches.iter().map(|batch| batch.seconds).sum::<u64>(), 16_960);
    assert_eq!((content.windows_needed, content.elapsed), (1, 16_960));
    assert_eq!(content.windows[0].opens_at, "thu 22:00");
    assert_eq!((content.windows[0].first_batch, content.windows[0].last_batch), (1, 10));

    let content = compile(&least()).facts.content;
    assert_eq!(
        (content.copy.seconds, content.elapsed, content.windows.len(), content.batches.len()),
        (0, 0, 0, 0)
    );
}

#[test]
fn the_source_is_read_for_as_long_as_the_proof_waits_for_a_window_too() {
    let mut checked = harbour();
    let content = |checked: &_| {
        let plan = compile(checked);
        (plan.phase("content").map_or(0, Phase::seconds), plan.facts.content)
    };
    let (seconds, seeing) = content(&checked);
    // What changed meanwhile is carried, which is no part of the planned time.
    assert_eq!(seeing.elapsed_at_most, seconds + seeing.delta.seconds, "one night holds all of it");
    assert_eq!(seeing.proof_at_source, 0);

    // Carrying ends before the window, and reading back, which needs none, after it.
    checked.target.content.windows = vec![word("sat 08:00-13:00")];
    let (seconds, seeing) = content(&checked);
    assert_eq!(seeing.elapsed_at_most, seconds + seeing.delta.seconds);
    // One object without digest, two requests: a hundredth of a second, and a week to wait for it.
    checked.content.without_digest = (1, 1);
    let (_, blind) = content(&checked);
    assert_eq!(blind.proof_at_source, 1);
    let forget = 5;
    assert_eq!(blind.elapsed_at_most, 7 * 86_400 + blind.proof_at_source + forget);
}

#[test]
fn an_upload_limit_that_the_memory_cannot_bear_is_lowered_and_explained() {
    let mut checked = harbour();
    assert_eq!(compile(&checked).facts.sizes.upload_limit_mib, 100);

    checked.target.sizes.parallel_requests = 16;
    let sizes = compile(&checked).facts.sizes;
    assert_eq!(sizes.upload_limit_mib, 26);
    assert!(sizes.lowered);
    assert_eq!(sizes.figures, "(1024 MiB − 192 MiB) ÷ (2 × 16) = 26 MiB");
    // The largest object there is has 3 GB, which is 2,862 MiB.
    assert_eq!(sizes.sufficient_memory_mib, 192 + 2 * 16 * 2_862);
}

#[test]
fn percent_rises_from_0_to_100_over_what_the_package_runs_and_over_the_cutover() {
    for plan in [compile(&harbour()), compile(&least())] {
        let mut at = 0;
        for phase in &plan.phases {
            let runs = phase.place == Place::Forward && phase.automated;
            assert!(phase.steps.iter().all(|step| step.share.is_some() == runs), "{}", phase.id);
            for share in phase.steps.iter().filter_map(|step| step.share) {
                assert_eq!(share.from, at, "{}", phase.id);
                assert!(share.to >= share.from, "{}", phase.id);
                at = share.to;
            }
        }
        assert_eq!(at, 1_000);

        let mut at = 0;
        for step in ["cutover", "watch", "finalize"]
            .iter()
            .filter_map(|id| plan.phase(id))
            .flat_map(|phase| &phase.steps)
        {
            let scale =
                step.scale.unwrap_or_else(|| panic!("{} has no place on the cutover's scale", step.id));
            assert_eq!(scale.share.from, at, "{}", step.id);
            assert!(scale.share.to > scale.share.from, "{}", step.id);
            at = scale.share.to;
        }
        assert_eq!(at, 1_000);
    }
}

#[test]
fn the_cutover_fits_its_window_and_the_last_moment_to_turn_back_leaves_time_for_the_rollback() {
    let table = compile(&harbour()).timetable;

    assert_eq!(table.window.as_deref(), Some("sat 06:00"));
    assert_eq!(table.window_seconds, Some(8 * 3_600));
    assert!(table.fits);
    assert_eq!(table.turn_back_by, Some(8 * 3_600 - table.rollback_seconds));
    let last = table.cutover.last().expect("the cutover has steps");
    assert_eq!(Some(last.latest_end), table.turn_back_by);
}

#[test]
fn a_window_that_is_too_short_is_said_and_leaves_no_slack() {
    let mut checked = harbour();
    checked.target.cutover_windows = vec![word("sat 06:00-06:40")];
    let table = compile(&checked).timetable;

    assert!(!table.fits);
    assert_eq!(table.turn_back_by, Some(2_400 - table.rollback_seconds));
    assert!(table.cutover.iter().all(|row| row.slack == 0));
}
