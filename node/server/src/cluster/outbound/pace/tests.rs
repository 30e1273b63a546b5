use super::*;

#[test]
fn a_flood_is_left_out_and_told_with_the_next_line() {
    let now = Instant::now();
    let mut pace = Pace::new(now);
    let written = (0..20_000).filter(|_| pace.admit(now).is_some()).count();
    assert_eq!(written, 20);
    assert_eq!(pace.admit(now + Duration::from_secs(1)), Some(20_000 - 20));
    assert_eq!(pace.admit(now + Duration::from_secs(1)), Some(0));
    assert_eq!(pace.admit(now + Duration::from_secs(1)), None);
    assert_eq!(pace.admit(now + Duration::from_secs(60)), Some(1));
}

#[test]
fn what_happens_now_and_then_is_always_written() {
    let now = Instant::now();
    let mut pace = Pace::new(now);
    assert!((0..1000).all(|n| pace.admit(now + n * Duration::from_millis(500)) == Some(0)));
}

#[test]
fn a_flood_that_is_over_is_told_though_nothing_follows() {
    let now = Instant::now();
    let mut pace = Pace::new(now);
    assert_eq!((0..30).filter(|_| pace.admit(now).is_some()).count(), 20);
    assert_eq!(pace.take_left_out(now), 0);
    assert_eq!(pace.take_left_out(now + Duration::from_secs(1)), 10);
    assert_eq!(pace.take_left_out(now + Duration::from_secs(2)), 0);
}
