//! The one list of cases.

/// Calls a macro with the list of all cases, grouped; [`conformance_tests!`](crate::conformance_tests)
/// and [`CASES`](crate::store::conformance::CASES) are made of it.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ([$($then:tt)*] [$($arguments:tt)*]) => {
        $($then)*! {
            [$($arguments)*]
            load {
                tells_what_is_absent_from_what_was_not_asked_for,
                answers_an_empty_read_set_with_an_empty_snapshot,
                gives_back_every_field_of_a_movement,
                gives_back_every_field_of_a_refund,
                gives_back_a_text_that_an_update_kept,
                finds_a_deleted_refund,
                finds_a_refund_by_each_sort_of_external_id,
                compares_ids_byte_for_byte,
                keeps_look_ups_within_their_org,
                gives_the_past_revisions_that_were_asked_for,
                adds_up_look_ups_of_the_same_refund,
                gives_one_consistent_view_while_others_write,
            }
            commit {
                is_seen_by_other_handles,
                outlives_its_handles,
                conflicts_on_another_version_of_a_movement,
                conflicts_on_a_version_of_a_missing_movement,
                conflicts_on_the_same_batch_again,
                conflicts_on_an_external_id_that_is_taken,
                conflicts_on_a_refund_to_replace_that_is_missing,
                leaves_an_external_id_free_in_other_orgs,
                applies_all_of_a_batch_or_nothing,
                writes_nothing_for_an_empty_batch,
                takes_merged_batches_with_one_precondition_per_key,
                books_two_creates_of_one_external_id_once,
                takes_delete_then_create_in_a_batch,
                takes_a_movement_voided_and_recorded_anew,
                lets_one_of_two_racing_batches_win,
            }
            journal {
                is_empty_at_first,
                keeps_the_order_of_batches,
                pages_without_a_gap_or_a_repetition,
                knows_nothing_of_what_was_not_committed,
                never_misses_an_entry_while_others_write,
            }
            list {
                is_ordered_by_date_then_id,
                tells_whether_there_are_more,
                obeys_every_filter,
                obeys_filters_together,
                does_not_take_an_idempotency_key_for_an_external_id,
                pages_without_a_gap_or_a_repetition,
                goes_on_behind_a_place_where_no_refund_is,
                follows_a_refund_to_its_new_date,
                pages_steadily_while_others_insert,
            }
            scan {
                visits_movements_in_order_of_key_bytes,
                begins_behind_a_key,
                stays_within_an_org,
                visits_one_movement_alone,
                visits_row_then_entries_then_refunds,
                visits_only_what_the_range_asks_for,
                stops_where_the_visitor_breaks_off,
                tells_who_holds_each_external_id,
                finds_nothing_invalid_in_a_sound_store,
                gives_one_consistent_view_while_others_write,
            }
            erasure {
                blanks_all_texts_of_a_refund_and_no_others,
                blanks_all_texts_of_a_movement_and_no_others,
                blanks_texts_of_what_is_deleted_or_voided,
                spares_texts_that_come_later,
                blanks_texts_that_the_same_batch_brought,
                erases_nothing_where_the_batch_conflicts,
                can_be_scrubbed_at_any_time,
                keeps_the_digests_of_erased_texts,
            }
            transact {
                decides_on_the_current_state,
                writes_nothing_for_an_empty_batch,
                gives_up_on_a_batch_that_always_conflicts,
                survives_a_decision_that_panics,
                survives_a_visitor_that_panics,
                loses_nothing_of_two_racing_handles,
                loses_nothing_of_two_threads_on_one_handle,
                never_passes_the_cap_in_a_race,
                books_an_external_id_once_in_a_race,
            }
            limits {
                takes_the_longest_ids,
                tells_the_longest_ids_apart,
                takes_any_text,
                takes_the_greatest_amounts,
                takes_every_instant,
                takes_a_batch_of_eight_thousand_commands,
                takes_a_long_chain,
            }
            golden {
                gives_the_pinned_bytes_hashes_and_head,
                gives_them_to_every_handle,
            }
            ledger {
                replays_a_create_whatever_happened_since,
                names_the_fields_of_a_conflict,
                refuses_to_pass_the_amount,
                tells_the_history_of_a_refund,
                keeps_its_head_and_verifies_against_it,
                carries_out_batches_per_item,
                carries_out_batches_all_or_nothing,
                repeats_a_file_safely,
                lists_and_sums_up,
                is_the_same_under_a_time_limit,
            }
            hostile {
                books_once_after_conflicts_on_commit,
                decides_anew_when_others_were_faster,
                loses_nothing_without_transact,
                loses_nothing_where_one_of_two_lacks_transact,
                writes_all_or_nothing_whichever_call_fails,
                never_verifies_what_it_could_not_read,
                books_once_where_the_outcome_is_unknown,
                books_once_where_the_outcome_is_unknown_and_others_write,
                books_once_when_the_caller_retries_an_unknown_outcome,
                books_a_batch_once_where_the_outcome_is_unknown,
            }
        }
    };
}

/// Makes a module with a named test for each case of the suite.
///
/// The first argument names the module, the second is a function or closure that makes one fresh
/// [`Fixture`](crate::store::conformance::Fixture); see [`conformance`](crate::store::conformance).
#[macro_export]
macro_rules! conformance_tests {
    ($store:ident, $fixture:expr) => {
        mod $store {
            #[allow(unused_imports, reason = "what the fixture is made of stands outside")]
            use super::*;
            $crate::conformance_cases!([$crate::conformance_test_modules][$fixture]);
        }
    };
}

/// A module per group, a test per case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_test_modules {
    ([$fixture:expr] $($group:ident { $($name:ident,)+ })+) => {$(
        $crate::conformance_test_module!($group $fixture; $($name)+);
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_test_module {
    ($group:ident $fixture:expr; $($name:ident)+) => {
        mod $group {
            #[allow(unused_imports, reason = "what the fixture is made of stands outside")]
            use super::*;
            $(
                #[test]
                fn $name() {
                    $crate::store::conformance::run(
                        stringify!($group),
                        stringify!($name),
                        $fixture,
                    );
                }
            )+
        }
    };
}
