//! The promises of [`Store`], as tests that every backend runs.
//!
//! A backend writes an `async fn make(history: u64) -> Subject` that makes an empty store keeping at least `history`
//! revisions, and `store::contract_tests!(make);` inside a test module: one test per promise. This is test code that
//! lives outside `cfg(test)` because other crates run it: it panics where a promise is broken.

mod random;
mod read;
mod subject;
mod txn;
mod watch;

pub use random::*;
pub use read::*;
pub use subject::Subject;
pub use txn::*;
pub use watch::*;

/// One test per promise, for the backend that `$make` makes.
#[macro_export]
macro_rules! contract_tests {
    ($make:path) => {
        $crate::contract_tests!(@promises $make:
            a_new_store_is_empty
            an_acknowledged_commit_is_readable_and_watched
            an_entry_keeps_its_creation_when_it_is_replaced
            a_key_made_again_is_created_again
            a_value_may_be_empty_and_any_bytes
            a_range_holds_its_prefix_in_byte_order
            a_range_pages_by_after_and_limit
            comparisons_hold_and_fail_as_they_say
            a_conflict_names_the_first_failure_and_writes_nothing
            a_revision_is_one_commit
            a_transaction_without_change_takes_no_revision
            all_writes_of_a_transaction_share_a_revision
            too_many_writes_are_refused
            a_key_written_twice_is_refused
            an_empty_key_is_refused
            one_of_many_writers_of_a_key_wins
            concurrent_commits_take_distinct_revisions
            a_watch_from_the_start_sees_everything
            a_watch_from_a_revision_sees_what_follows
            a_watch_sees_deletes_in_the_order_of_the_transaction
            a_watch_opened_among_writers_has_no_gap
            a_slow_reader_loses_the_channel_and_never_the_order
            a_dropped_watch_disturbs_nobody
            a_compacted_revision_is_refused_and_the_oldest_is_named
            a_revision_to_come_is_refused
            random_transactions_leave_what_a_model_leaves
        );
    };
    (@promises $make:path: $($promise:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                $crate::contract::$promise($make).await;
            }
        )*
    };
}
