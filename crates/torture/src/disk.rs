//! A disk that loses power: what was written and not synced may be there, or not, or in part.
//!
//! A file is what was synced, and behind it the changes since, in their order. After a cut, each sector
//! holds any one of what was written to it since the last sync, or what it held then, independent of
//! the others; and the file has any of the lengths that it had. A deleted file may still be there,
//! until a file that was made since is synced: that syncs the folder too.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use watched_vfs::Change;

use crate::random::Random;

/// What a disk writes as a whole or not at all.
const SECTOR: usize = 512;

/// A change of a file that is not synced.
#[derive(Clone, Debug)]
enum Pending {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { length: usize },
}

/// What a name stood for at some time.
#[derive(Clone, Debug, Default)]
struct Content {
    synced: Vec<u8>,
    /// Whether its name is on the disk for sure.
    is_named: bool,
    pending: Vec<Pending>,
}

/// The files of a folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    /// What each name stands for, the last one now, and those before it that may come back.
    files: BTreeMap<String, Vec<Option<Content>>>,
}

/// How much of what was not synced is on the disk after the cut.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// What was not synced is gone.
    Dropped,
    /// Everything got there.
    Kept,
    /// The changes got there in order up to one, of which only a part did.
    Cut,
    /// Each sector for itself.
    Shuffled,
}

impl Disk {
    fn now(&mut self, file: &str) -> &mut Content {
        let all = self.files.entry(file.to_owned()).or_default();
        if !matches!(all.last(), Some(Some(_))) {
            all.push(Some(Content::default()));
        }
        match all.last_mut() {
            Some(Some(content)) => content,
            _ => unreachable!("it was made if it was not there"),
        }
    }

    /// A folder as it is, all of it synced.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        for file in fs::read_dir(folder)? {
            let file = file?;
            let content = Content {
                synced: fs::read(file.path())?,
                is_named: true,
                pending: Vec::new(),
            };
            files.insert(
                file.file_name().to_string_lossy().into_owned(),
                vec![Some(content)],
            );
        }
        Ok(Self { files })
    }

    /// Notes a change.
    pub(crate) fn note(&mut self, file: &str, change: Change<'_>) {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        match change {
            Change::Open => self.make(file),
            Change::Write { offset, bytes } => self.write(file, place(offset), bytes),
            Change::Truncate { length } => self.truncate(file, place(length)),
            Change::Sync { .. } => self.sync(file),
            Change::Delete => self.delete(file),
        }
    }

    /// The files after a cut that drops all that was not synced.
    pub(crate) fn synced(&self) -> BTreeMap<&str, &[u8]> {
        let contents = self
            .files
            .iter()
            .filter_map(|(name, all)| Some((name, all.last()?.as_ref()?)));
        contents
            .filter(|(_, content)| content.is_named)
            .map(|(name, content)| (name.as_str(), &content.synced[..]))
            .collect()
    }

    pub(crate) fn make(&mut self, file: &str) {
        self.now(file);
    }

    pub(crate) fn write(&mut self, file: &str, offset: usize, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.now(file)
            .pending
            .push(Pending::Write { offset, bytes });
    }

    pub(crate) fn truncate(&mut self, file: &str, length: usize) {
        self.now(file).pending.push(Pending::Truncate { length });
    }

    pub(crate) fn sync(&mut self, file: &str) {
        let content = self.now(file);
        for change in std::mem::take(&mut content.pending) {
            apply(&mut content.synced, &change);
        }
        let makes_folder_sure = !std::mem::replace(&mut content.is_named, true);
        if makes_folder_sure {
            for all in self.files.values_mut() {
                let last = all.pop();
                all.clear();
                all.extend(last);
                if let Some(Some(content)) = all.last_mut() {
                    content.is_named = true;
                }
            }
        }
    }

    /// A sync has failed: what it was for will not be written any more, though it is still read.
    pub(crate) fn lose(&mut self, file: &str) {
        self.now(file).pending.clear();
    }

    pub(crate) fn delete(&mut self, file: &str) {
        if let Some(all) = self.files.get_mut(file) {
            all.push(None);
        }
    }

    /// How many changes may be lost.
    pub(crate) fn at_stake(&self) -> usize {
        let now = self.files.values().filter_map(|all| all.last()?.as_ref());
        now.map(|content| content.pending.len()).sum()
    }

    /// The files after a cut.
    pub(crate) fn cut(&self, random: &mut Random) -> BTreeMap<&str, Vec<u8>> {
        let mut left = BTreeMap::new();
        for (name, all) in &self.files {
            let last = all.len().saturating_sub(1);
            let which = if all.len() > 1 && random.one_in(2) {
                random.below(all.len())
            } else {
                last
            };
            let Some(Some(content)) = all.get(which) else {
                continue;
            };
            if !content.is_named && random.one_in(4) {
                continue;
            }
            left.insert(name.as_str(), content.after_cut(random));
        }
        left
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Pending) {
    match change {
        Pending::Write { offset, bytes: new } => {
            let end = offset + new.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*offset..end].copy_from_slice(new);
        }
        Pending::Truncate { length } => bytes.resize(*length, 0),
    }
}

impl Content {
    fn after_cut(&self, random: &mut Random) -> Vec<u8> {
        let fates = [
            Fate::Dropped,
            Fate::Kept,
            Fate::Cut,
            Fate::Cut,
            Fate::Shuffled,
            Fate::Shuffled,
        ];
        let fate = fates[random.below(fates.len())];
        let mut bytes = self.synced.clone();
        match fate {
            Fate::Dropped => {}
            Fate::Kept => self
                .pending
                .iter()
                .for_each(|change| apply(&mut bytes, change)),
            Fate::Cut => {
                let whole = random.below(self.pending.len() + 1);
                self.pending[..whole]
                    .iter()
                    .for_each(|change| apply(&mut bytes, change));
                if let Some(Pending::Write { offset, bytes: new }) = self.pending.get(whole) {
                    // Up to the end of a sector.
                    let sectors = random.below(new.len() / SECTOR + 1);
                    let torn = (sectors * SECTOR)
                        .saturating_sub(offset % SECTOR)
                        .min(new.len());
                    let bytes_torn = new[..torn].to_vec();
                    apply(
                        &mut bytes,
                        &Pending::Write {
                            offset: *offset,
                            bytes: bytes_torn,
                        },
                    );
                }
            }
            Fate::Shuffled => self.shuffle(&mut bytes, random),
        }
        bytes
    }

    /// Each sector as any one of the changes left it, and the length likewise.
    fn shuffle(&self, bytes: &mut Vec<u8>, random: &mut Random) {
        let mut versions: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
        let mut lengths = vec![bytes.len()];
        let mut now = bytes.clone();
        for change in &self.pending {
            apply(&mut now, change);
            lengths.push(now.len());
            if let Pending::Write { offset, bytes: new } = change {
                for sector in offset / SECTOR..(offset + new.len()).div_ceil(SECTOR) {
                    let end = ((sector + 1) * SECTOR).min(now.len());
                    let version = now[sector * SECTOR..end].to_vec();
                    versions.entry(sector).or_default().push(version);
                }
            }
        }
        for (sector, versions) in versions {
            let which = random.below(versions.len() + 1);
            if let Some(version) = versions.get(which) {
                apply(
                    bytes,
                    &Pending::Write {
                        offset: sector * SECTOR,
                        bytes: version.clone(),
                    },
                );
            }
        }
        let length = lengths[random.below(lengths.len())];
        bytes.resize(length, 0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should fail loudly")]

    use std::collections::BTreeSet;

    use super::{Disk, Random, SECTOR};

    const FILE: &str = "ledger.db";

    /// What a file may hold after a cut, by many cuts; `None` where it is not there.
    fn outcomes(disk: &Disk, file: &str) -> BTreeSet<Option<Vec<u8>>> {
        let cut = |seed| disk.cut(&mut Random::new(seed)).remove(file);
        (0..500).map(cut).collect()
    }

    fn written(synced: u8, pending: &[u8]) -> Disk {
        let mut disk = Disk::default();
        disk.make(FILE);
        disk.write(FILE, 0, &vec![synced; 2 * SECTOR]);
        disk.sync(FILE);
        for byte in pending {
            disk.write(FILE, 0, &vec![*byte; 2 * SECTOR]);
        }
        disk
    }

    #[test]
    fn what_was_synced_survives_every_cut() {
        let disk = written(1, &[]);
        assert_eq!(disk.at_stake(), 0);
        assert_eq!(outcomes(&disk, FILE), [Some(vec![1; 2 * SECTOR])].into());
        assert_eq!(disk.synced()[FILE], vec![1; 2 * SECTOR]);
    }

    #[test]
    fn what_was_not_synced_is_there_or_not_sector_by_sector() {
        let disk = written(1, &[2, 3]);
        assert_eq!(disk.at_stake(), 2);
        let sectors: BTreeSet<(u8, u8)> = outcomes(&disk, FILE)
            .into_iter()
            .map(|bytes| {
                let bytes = bytes.unwrap();
                let is_whole = |sector: &[u8]| sector.iter().all(|byte| *byte == sector[0]);
                assert!(bytes.chunks(SECTOR).all(is_whole), "no sector is torn");
                (bytes[0], bytes[SECTOR])
            })
            .collect();
        let every = (1..=3).flat_map(|one| (1..=3).map(move |other| (one, other)));
        assert_eq!(sectors, every.collect());
    }

    #[test]
    fn a_truncation_that_was_not_synced_happened_or_not() {
        let mut disk = written(1, &[]);
        disk.truncate(FILE, SECTOR);
        let lengths: BTreeSet<usize> = outcomes(&disk, FILE)
            .into_iter()
            .map(|bytes| bytes.unwrap().len())
            .collect();
        assert_eq!(lengths, [SECTOR, 2 * SECTOR].into());
    }

    #[test]
    fn a_new_file_may_be_missing_until_it_is_synced() {
        let mut disk = Disk::default();
        disk.make("new");
        assert!(outcomes(&disk, "new").contains(&None));
        disk.sync("new");
        assert!(!outcomes(&disk, "new").contains(&None));
    }

    #[test]
    fn a_deleted_file_may_come_back_until_its_folder_is_synced() {
        let mut disk = written(1, &[]);
        disk.delete(FILE);
        let gone_or_back = outcomes(&disk, FILE);
        assert!(gone_or_back.contains(&None) && gone_or_back.len() == 2);
        disk.make("new");
        disk.sync("new");
        assert_eq!(outcomes(&disk, FILE), [None].into());
    }

    #[test]
    fn what_a_failed_sync_was_for_is_lost() {
        let mut disk = written(1, &[2]);
        disk.lose(FILE);
        disk.sync(FILE);
        assert_eq!(outcomes(&disk, FILE), [Some(vec![1; 2 * SECTOR])].into());
    }
}
