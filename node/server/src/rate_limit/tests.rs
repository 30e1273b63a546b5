use super::*;

fn seconds(s: f64) -> Duration {
    Duration::from_secs_f64(s)
}

fn bucket(per_second: u64, burst_s: f64) -> (RateLimit, Instant) {
    let now = Instant::now();
    (RateLimit::new(per_second, seconds(burst_s), now).expect("a limit"), now)
}

#[test]
fn no_limit_is_no_bucket() {
    assert!(RateLimit::new(0, seconds(1.0), Instant::now()).is_none());
}

#[test]
fn a_full_bucket_gives_its_burst_and_then_its_pace() {
    let (mut bucket, start) = bucket(10, 2.0);
    for n in 0..20 {
        assert_eq!(bucket.take(1, start), None, "number {n} is part of the burst");
    }
    assert_eq!(bucket.take(1, start), Some(start + seconds(0.1)));
    assert_eq!(bucket.take(1, start + seconds(0.1)), Some(start + seconds(0.2)));
    // Quiet for longer than the burst: no more than the burst is saved.
    let later = start + seconds(100.0);
    assert_eq!(bucket.take(20, later), None);
    assert_eq!(bucket.take(1, later), Some(later + seconds(0.1)));
}

#[test]
fn what_is_larger_than_the_bucket_is_paid_for_afterwards() {
    let (mut bucket, start) = bucket(1000, 1.0);
    assert_eq!(bucket.take(5000, start), Some(start + seconds(4.0)));
    assert_eq!(bucket.take(0, start + seconds(4.0)), None);
}

#[test]
fn who_only_tries_takes_nothing_that_is_not_there() {
    let (mut bucket, start) = bucket(2, 1.0);
    assert_eq!(bucket.try_take(start), Ok(()));
    assert_eq!(bucket.try_take(start), Ok(()));
    for _ in 0..10 {
        assert_eq!(bucket.try_take(start), Err(seconds(0.5)));
    }
    assert_eq!(bucket.try_take(start + seconds(0.5)), Ok(()));
    assert_eq!(bucket.try_take(start + seconds(0.5)), Err(seconds(0.5)));
}

#[test]
fn without_a_burst_one_at_a_time_passes() {
    let (mut bucket, start) = bucket(1, 0.0);
    assert_eq!(bucket.try_take(start), Ok(()));
    assert_eq!(bucket.try_take(start + seconds(0.75)), Err(seconds(0.25)));
    assert_eq!(bucket.try_take(start + seconds(1.0)), Ok(()));
}

#[test]
fn numbers_without_sense_do_no_harm() {
    let (mut bucket, start) = bucket(1, 1.0);
    assert!(bucket.take(u64::MAX, start).is_some());
    let (mut bucket, start) = self::bucket(u64::MAX, 0.0);
    assert_eq!(bucket.take(1_000_000, start), None);
}
