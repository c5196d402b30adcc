//! The fixed sequence of commands that gives the same bytes in every store.

use crate::store::conformance::golden::Golden;
use crate::store::conformance::{Failure, Fixture};

/// Replies, journal bytes, hashes and head are those of the golden file.
pub(in crate::store::conformance) fn gives_the_pinned_bytes_hashes_and_head(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let pinned = Golden::read()?;
    let store = fixture.handle();
    let played = pinned.play(&store)?;
    for (at, (played, pinned)) in played.steps.iter().zip(&pinned.steps).enumerate() {
        for (played, pinned) in played.commands.iter().zip(&pinned.commands) {
            equal!(
                played.reply,
                pinned.reply,
                "the reply to {} of step {}",
                pinned.line.get(),
                at + 1
            );
        }
    }
    equal_lists!(
        played.journal,
        pinned.journal,
        "the journal's bytes, texts and hashes"
    );
    equal!(played.head, pinned.head, "the head");
    Ok(())
}

/// Another handle reads the same.
pub(in crate::store::conformance) fn gives_them_to_every_handle(
    fixture: &dyn Fixture,
) -> Result<(), Failure> {
    let pinned = Golden::read()?;
    pinned.play(&fixture.handle())?;
    let (journal, head) = crate::store::conformance::golden::observe(&fixture.handle())?;
    equal_lists!(
        journal,
        pinned.journal,
        "the journal as another handle reads it"
    );
    equal!(head, pinned.head, "the head as another handle computes it");
    Ok(())
}
