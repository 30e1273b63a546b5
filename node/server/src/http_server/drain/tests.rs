use super::*;

/// When each of `count` connections is taken, if it is asked after these many milliseconds, over and over.
fn plan(per_second: u32, count: usize, steps_ms: &[u64]) -> Vec<Duration> {
    let start = Instant::now();
    let (mut pace, mut now, mut plan) = (Pace::new(per_second, start), start, Vec::new());
    for step in steps_ms.iter().cycle() {
        now += ms(*step);
        let taken = pace.take(now, count - plan.len());
        plan.extend(std::iter::repeat_n(now - start, taken));
        if plan.len() == count {
            return plan;
        }
    }
    plan
}

/// The most that were taken in any second.
fn busiest_second(plan: &[Duration]) -> usize {
    let from = |n: usize| plan[n..].partition_point(|at| *at < plan[n] + ms(1000));
    (0..plan.len()).map(from).max().unwrap_or_default()
}

#[test]
fn connections_are_taken_evenly() {
    for per_second in [1, 3, 20, 100, 999, 5_000] {
        let count = 3 * per_second as usize;
        let plan = plan(per_second, count, &[10]);
        for (n, at) in plan.iter().enumerate() {
            let due = Duration::from_secs_f64((n + 1) as f64 / f64::from(per_second));
            assert!(*at + Duration::from_micros(1) >= due, "the {n}th of {per_second} came at {at:?}");
            assert!(*at <= due + ms(11), "the {n}th of {per_second} came at {at:?}");
        }
        assert!(busiest_second(&plan) <= per_second as usize + 1);
    }
}

#[test]
fn who_was_kept_from_it_does_not_catch_up() {
    for steps in [&[10, 10, 700][..], &[2_000], &[1, 1, 1, 1_500, 10]] {
        for per_second in [1, 7, 50, 1_000] {
            let plan = plan(per_second, 4 * per_second as usize, steps);
            let most = per_second as usize + (per_second as usize / 10).max(2);
            assert!(busiest_second(&plan) <= most, "{per_second} {steps:?}: {}", busiest_second(&plan));
        }
    }
}

#[test]
fn without_a_pace_all_are_taken_at_once() {
    assert_eq!(plan(0, 10_000, &[10]), vec![ms(10); 10_000]);
}

#[test]
fn what_is_not_wanted_stays_allowed() {
    let start = Instant::now();
    let mut pace = Pace::new(1, start);
    assert_eq!(pace.take(start + ms(5_000), 0), 0);
    assert_eq!(pace.take(start + ms(5_000), 1), 1);
    assert_eq!(pace.take(start + ms(5_000), 9), 1);
    assert_eq!(pace.take(start + ms(5_900), 9), 0);
}
