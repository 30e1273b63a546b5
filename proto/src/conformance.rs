//! The suite that every [`Bus`] must pass: the guarantee of the seam, one check for each sentence of it.
//!
//! A check knows nothing of the bus but its two sides. Each has buses of its own, which meet under a name of their own.
//! Nothing is assumed but what `Bus`, `Publisher` and `Subscription` promise: a bus may connect late, take its time to hear and
//! to unhear, and hand subjects over in any order.
//!
//! "Nothing else came" is never a matter of waiting: the same node says something else afterwards, and order tells.

mod ending;
mod interest;
mod order;
mod peer;
mod size;

use crate::bus::Bus;
use peer::Scope;

/// Runs the checks in turn and prints the name of each before it runs. `make` is given the name of a scope, and makes a
/// bus that meets only the others of this scope.
///
/// Runs in a tokio runtime with time, one thread being enough. Buses should be made to unsubscribe within seconds.
///
/// # Panics
/// If the bus breaks a promise, or does not keep it within its deadline.
pub async fn check_all(make: &dyn Fn(&str) -> Box<dyn Bus>) {
    macro_rules! run {
        ($($topic:ident::$check:ident,)*) => {$(
            println!("bus: {}", stringify!($check));
            $topic::$check(Scope { make, name: stringify!($check) }).await;
        )*};
    }
    run! {
        order::envelopes_of_one_thread_arrive_in_order_across_subjects,
        order::each_of_many_threads_and_nodes_has_its_order,
        order::an_envelope_for_several_subjects_arrives_once,
        order::nobody_hears_itself,
        interest::a_node_hears_its_own_subject_from_the_start,
        interest::a_node_hears_only_what_it_subscribed_to,
        interest::synced_means_heard,
        interest::synced_means_heard_by_a_node_that_has_just_started,
        interest::a_node_that_subscribes_in_the_middle_misses_nothing_from_then_on,
        interest::envelopes_stop_some_time_after_unsubscribe,
        interest::what_was_missed_while_not_subscribed_is_not_a_loss,
        interest::a_node_that_subscribes_again_at_once_goes_on_hearing,
        interest::subscribing_twice_counts_once,
        interest::a_heartbeat_finds_nothing_missing,
        size::a_large_envelope_arrives_whole_and_in_order,
        size::a_large_envelope_for_several_subjects_arrives_once,
        size::an_envelope_over_the_bound_is_refused_as_a_whole,
        size::meters_count_what_went_and_what_came,
        ending::close_publishes_what_was_queued_and_ends_the_subscription,
        ending::a_bus_can_be_closed_at_once_and_twice,
        ending::others_can_do_without_a_closed_node,
    }
}
