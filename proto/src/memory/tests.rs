use super::*;
use crate::conformance;

/// One hub for each scope.
async fn conforms(faults: Faults) {
    let hubs = Mutex::new(HashMap::new());
    let make = |scope: &str| -> Box<dyn Bus> {
        let mut hubs = hubs.lock();
        let hub: &mut MemoryHub = hubs.entry(scope.to_owned()).or_insert_with(|| MemoryHub::new(1));
        hub.set_faults(faults);
        Box::new(hub.bus())
    };
    conformance::check_all(&make).await;
}

#[tokio::test]
async fn it_passes_the_conformance_suite() {
    conforms(Faults::default()).await;
}

#[tokio::test]
async fn it_passes_the_conformance_suite_with_subjects_shuffled() {
    conforms(Faults { shuffle_subjects: true, ..Faults::default() }).await;
}

#[tokio::test]
async fn it_passes_the_conformance_suite_with_delays() {
    conforms(Faults { shuffle_subjects: true, delay_max: Duration::from_millis(5), ..Faults::default() })
        .await;
}
