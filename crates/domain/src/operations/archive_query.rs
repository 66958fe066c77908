//! Which archives a list has, and in which order: rules without a store or a database.

use std::cmp::Ordering;
use std::sync::Arc;

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::{ArchiveKind, VerificationLevel, VerificationResult};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use utoipa::ToSchema;

use super::{ArchiveOrigin, ListedArchive};
use crate::destination::CopyState;
use crate::error::{Error, Result};

/// The most characters of a search.
pub const MAX_SEARCH_CHARS: usize = 200;

/// A page of the list of archives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveQuery {
    /// Which archives the list has.
    pub filter: ArchiveFilter,
    /// The field that the list is sorted by.
    pub sort: ArchiveSort,
    /// The direction of the order.
    pub direction: SortDirection,
    /// How many archives the page has at most.
    pub limit: u64,
    /// How many archives are before the page.
    pub offset: u64,
}

/// All archives, the newest first.
impl Default for ArchiveQuery {
    fn default() -> Self {
        Self {
            filter: ArchiveFilter::default(),
            sort: ArchiveSort::default(),
            direction: SortDirection::default(),
            limit: u64::MAX,
            offset: 0,
        }
    }
}

/// Which archives to list. An archive must match all that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveFilter {
    /// Words that it must have, see [`ArchiveFilter::matches_manifest`].
    pub search: Option<String>,
    /// Only archives of this kind.
    pub kind: Option<ArchiveKind>,
    /// Only those that are protected from deletion, or only the others.
    pub protected: Option<bool>,
    /// Only those that this user created or uploaded.
    pub created_by: Option<String>,
    /// Only those with data of this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Only those with data of an earlier moment.
    pub to: Option<DateTime<Utc>>,
    /// Only those with this result of their last verification.
    pub verification: Option<LastResult>,
    /// Only those with this proven origin. Without a database nothing has one.
    pub origin: Option<ArchiveOrigin>,
    /// Only those that look suspicious and that no administrator has accepted, or only the others.
    pub suspicious: Option<bool>,
    /// Only those that were copied to the destination with this id.
    pub destination_id: Option<i64>,
    /// Only those that the kept runs of the schedule with this id have created.
    pub schedule_id: Option<i64>,
}

/// The result of the last verification of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastResult {
    /// It was not verified since it was stored.
    None,
    /// It was read, and all digests matched.
    Digest,
    /// It was also restored into a scratch database.
    TestRestore,
    /// It was found damaged.
    Failed,
}

/// The field that a list of archives is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveSort {
    /// The id, which begins with the time at which the archive was stored.
    #[default]
    Id,
    /// The moment of the data.
    CreatedAt,
    /// The stored size.
    Size,
    /// The rows of all tables.
    Total,
    /// The label, without case and accents.
    Label,
    /// The kind.
    Kind,
    /// The user that created or uploaded it.
    CreatedBy,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortDirection {
    /// The smallest or oldest first.
    Asc,
    /// The largest or newest first.
    #[default]
    Desc,
}

impl ArchiveQuery {
    /// The manifests that match, in the order of this query. `listed` is a listing of the store, the newest first.
    pub(super) fn select(&self, listed: Vec<Arc<Manifest>>) -> Vec<Arc<Manifest>> {
        let words = self.filter.words();
        let mut found: Vec<_> = listed
            .into_iter()
            .filter(|manifest| self.filter.matches_manifest(manifest, &words))
            .collect();
        match (self.sort, self.direction) {
            (ArchiveSort::Id, SortDirection::Desc) => {}
            (ArchiveSort::Id, SortDirection::Asc) => found.reverse(),
            (ArchiveSort::CreatedAt, direction) => sort_by(&mut found, direction, |manifest| Some(manifest.created_at)),
            (ArchiveSort::Size, direction) => sort_by(&mut found, direction, |manifest| Some(manifest.object.size)),
            (ArchiveSort::Total, direction) => sort_by(&mut found, direction, |manifest| Some(manifest.total)),
            (ArchiveSort::Kind, direction) => sort_by(&mut found, direction, |manifest| Some(manifest.kind.name())),
            (ArchiveSort::Label, direction) => {
                sort_by(&mut found, direction, |manifest| manifest.label.as_deref().map(folded));
            }
            (ArchiveSort::CreatedBy, direction) => {
                sort_by(&mut found, direction, |manifest| {
                    manifest.created_by.as_deref().map(folded)
                });
            }
        }
        found
    }

    /// The items of the page, of all items.
    pub(super) fn page<T>(&self, all: Vec<T>) -> Vec<T> {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        all.into_iter()
            .skip(count(self.offset))
            .take(count(self.limit))
            .collect()
    }
}

impl ArchiveFilter {
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub(super) fn check(&self) -> Result<()> {
        let is_long = |text: &String| text.chars().count() > MAX_SEARCH_CHARS;
        match self.search.as_ref().is_some_and(is_long) {
            false => Ok(()),
            true => Err(Error::Invalid {
                field: "search",
                problem: format!("must have at most {MAX_SEARCH_CHARS} characters"),
            }),
        }
    }

    /// The words of the search.
    fn words(&self) -> Vec<String> {
        let separators = |letter: char| letter.is_whitespace() || letter == ',';
        let text = folded(self.search.as_deref().unwrap_or_default());
        let words = text.split(separators).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    }

    /// Whether a manifest matches. It must have all words of the search, in any order: anywhere in its label, note, user or kind, at the
    /// beginning of its id, or in the date of its data.
    fn matches_manifest(&self, manifest: &Manifest, words: &[String]) -> bool {
        self.kind.is_none_or(|kind| manifest.kind == kind)
            && self.protected.is_none_or(|protected| manifest.protected == protected)
            && self
                .created_by
                .as_ref()
                .is_none_or(|name| manifest.created_by.as_ref() == Some(name))
            && self.from.is_none_or(|from| manifest.created_at >= from)
            && self.to.is_none_or(|to| manifest.created_at < to)
            && has_words(manifest, words)
    }

    /// Whether [`matches_description`](Self::matches_description) depends on the archive.
    pub(super) fn needs_description(&self) -> bool {
        self.verification.is_some()
            || self.origin.is_some()
            || self.suspicious.is_some()
            || self.destination_id.is_some()
    }

    /// Whether what this installation can prove about an archive matches.
    pub(super) fn matches_description(&self, archive: &ListedArchive) -> bool {
        self.verification.is_none_or(|result| last_result(archive) == result)
            && self.origin.is_none_or(|origin| archive.origin == Some(origin))
            && self
                .suspicious
                .is_none_or(|suspicious| archive.is_suspicious() == suspicious)
            && self.destination_id.is_none_or(|id| has_copy_in(archive, id))
    }
}

fn has_copy_in(archive: &ListedArchive, destination_id: i64) -> bool {
    let mut copies = archive.copies.iter().flatten();
    copies.any(|copy| copy.destination_id == destination_id && copy.state == CopyState::Copied)
}

fn last_result(archive: &ListedArchive) -> LastResult {
    match archive.verifications().last() {
        None => LastResult::None,
        Some(last) => match (last.result, last.level) {
            (VerificationResult::Failed, _) => LastResult::Failed,
            (VerificationResult::Ok, VerificationLevel::Digest) => LastResult::Digest,
            (VerificationResult::Ok, VerificationLevel::TestRestore) => LastResult::TestRestore,
        },
    }
}

/// The texts of a manifest in which words are searched.
struct SearchedTexts {
    /// They can have a word anywhere.
    texts: String,
    /// They can begin with a word: the id, and the time of the data.
    names: [String; 2],
    /// A word can be one of them: the random part of the id, and the day and the year of the data.
    parts: [String; 3],
    /// It can begin with a word.
    month: String,
}

impl SearchedTexts {
    fn of(manifest: &Manifest) -> Self {
        let (id, at) = (folded(&manifest.id), manifest.created_at);
        let texts = [
            manifest.label.as_deref().unwrap_or_default(),
            manifest.note.as_deref().unwrap_or_default(),
            manifest.created_by.as_deref().unwrap_or_default(),
            manifest.kind.name(),
        ];
        let tail = id.rsplit('-').next().unwrap_or_default().to_owned();
        Self {
            texts: folded(&texts.join("\n")),
            names: [folded(&at.to_rfc3339_opts(SecondsFormat::Secs, true)), id],
            parts: [tail, at.format("%-d").to_string(), at.format("%Y").to_string()],
            month: folded(&at.format("%B").to_string()),
        }
    }

    /// Digits anywhere in ids and times would match almost every word of digits, such as a number in a label.
    fn have(&self, word: &str) -> bool {
        self.texts.contains(word)
            || self.names.iter().any(|name| name.starts_with(word))
            || self.parts.iter().any(|part| part == word)
            || self.month.starts_with(word)
    }
}

fn has_words(manifest: &Manifest, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let texts = SearchedTexts::of(manifest);
    words.iter().all(|word| texts.have(word))
}

/// The text in small letters and without accents, so that `eleve` finds `Élève`.
fn folded(text: &str) -> String {
    let letters = text.nfkd().filter(|letter| !is_combining_mark(*letter));
    letters.flat_map(char::to_lowercase).collect()
}

/// Sorts by a key. Archives without one are last in both directions, and those with the same key stay as they are.
fn sort_by<K: Ord>(manifests: &mut [Arc<Manifest>], direction: SortDirection, key: impl Fn(&Manifest) -> Option<K>) {
    let rank = |manifest: &Arc<Manifest>| Rank {
        key: key(manifest),
        direction,
    };
    manifests.sort_by_cached_key(rank);
}

/// The place of an archive in an order.
#[derive(PartialEq, Eq)]
struct Rank<K> {
    key: Option<K>,
    direction: SortDirection,
}

impl<K: Ord> Ord for Rank<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.key, &other.key) {
            (Some(one), Some(another)) => match self.direction {
                SortDirection::Asc => one.cmp(another),
                SortDirection::Desc => another.cmp(one),
            },
            (one, another) => one.is_none().cmp(&another.is_none()),
        }
    }
}

impl<K: Ord> PartialOrd for Rank<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use campus_backup_archive::manifest::Verification;
    use serde_json::{Value, json};

    use super::*;
    use crate::destination::ArchiveCopy;

    /// A manifest of a day of November with more members.
    fn manifest(day: u64, members: &Value) -> Arc<Manifest> {
        let mut json = json!({
            "format": "campus-backup-manifest", "version": 1, "id": format!("2026-11-{day:02}T02-00-00Z-5f1c2a9b"),
            "created_at": format!("2026-11-{day:02}T02:00:00.25Z"), "app_version": "1.2.3", "engine": "sqlite",
            "archive_version": 1, "kind": "created", "rows": {}, "total": day, "sha256": {}, "totals": {},
            "object": {"size": 100 - day, "sha256": "", "compression": "zstd", "encryption": "none"},
            "contains_password_hashes": true,
        });
        for (name, value) in members.as_object().unwrap() {
            json[name] = value.clone();
        }
        Arc::new(Manifest::from_json(json.to_string().as_bytes()).unwrap())
    }

    /// The archives of the days 4, 3, 2 and 1, the newest first.
    fn listed() -> Vec<Arc<Manifest>> {
        vec![
            manifest(4, &json!({"label": "Élèves, été", "created_by": "system"})),
            manifest(
                3,
                &json!({"kind": "safety", "label": "before clearing payments", "created_by": "anna"}),
            ),
            manifest(
                2,
                &json!({"note": "For the head teacher", "protected": true, "created_by": "Anna"}),
            ),
            manifest(1, &json!({"kind": "uploaded", "label": "zeugnisse"})),
        ]
    }

    /// The days of the archives that a query selects, in its order.
    fn days(query: &ArchiveQuery) -> Vec<u64> {
        let selected = query.select(listed());
        selected.iter().map(|manifest| manifest.total).collect()
    }

    fn of(filter: ArchiveFilter) -> Vec<u64> {
        days(&ArchiveQuery {
            filter,
            ..ArchiveQuery::default()
        })
    }

    fn found(search: &str) -> Vec<u64> {
        of(ArchiveFilter {
            search: Some(search.to_owned()),
            ..ArchiveFilter::default()
        })
    }

    fn sorted(sort: ArchiveSort, direction: SortDirection) -> Vec<u64> {
        days(&ArchiveQuery {
            sort,
            direction,
            ..ArchiveQuery::default()
        })
    }

    #[test]
    fn search_finds_all_words_in_any_order_without_accents() {
        assert_eq!(found(""), [4, 3, 2, 1]);
        assert_eq!(found(" , "), [4, 3, 2, 1]);
        assert_eq!(found("ETE eleve"), [4]);
        assert_eq!(found("payments, clearing"), [3]);
        assert_eq!(found("teach"), [2]);
        assert_eq!(found("anna"), [3, 2]);
        assert_eq!(found("uploaded"), [1]);
        assert_eq!(found("2026-11-02t02-00"), [2]);
        assert_eq!(found("2026-11-02T02:00:00Z"), [2]);
        assert_eq!(found("3 Nov, 2026"), [3]);
        assert_eq!(found("5F1C2A9B 1"), [1]);
        // Not anywhere in an id or a time.
        assert_eq!(found("02"), [] as [u64; 0]);
        assert_eq!(found("anna zeugnisse"), [] as [u64; 0]);
    }

    #[test]
    fn search_that_is_too_long_is_refused() {
        let check = |length| {
            let search = Some("é".repeat(length));
            let filter = ArchiveFilter {
                search,
                ..ArchiveFilter::default()
            };
            filter.check()
        };
        check(MAX_SEARCH_CHARS).unwrap();
        let refused = check(MAX_SEARCH_CHARS + 1).unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "search", .. }), "{refused:?}");
    }

    #[test]
    fn filters_can_be_combined() {
        let default = ArchiveFilter::default;
        let (kind, protected) = (Some(ArchiveKind::Safety), Some(false));
        assert_eq!(of(ArchiveFilter { kind, ..default() }), [3]);
        assert_eq!(of(ArchiveFilter { protected, ..default() }), [4, 3, 1]);
        let created_by = Some("Anna".to_owned());
        assert_eq!(
            of(ArchiveFilter {
                created_by,
                ..default()
            }),
            [2]
        );
        let (from, to) = (Some(listed()[2].created_at), Some(listed()[0].created_at));
        assert_eq!(of(ArchiveFilter { from, to, ..default() }), [3, 2]);
        assert_eq!(
            of(ArchiveFilter {
                from,
                to,
                kind,
                protected,
                ..default()
            }),
            [3]
        );
    }

    #[test]
    fn archives_without_the_sorted_field_are_last() {
        use ArchiveSort::{CreatedAt, CreatedBy, Id, Kind, Label, Size, Total};
        use SortDirection::{Asc, Desc};
        assert_eq!(sorted(Id, Desc), [4, 3, 2, 1]);
        assert_eq!(sorted(Id, Asc), [1, 2, 3, 4]);
        assert_eq!(sorted(CreatedAt, Asc), [1, 2, 3, 4]);
        assert_eq!(sorted(Size, Desc), [1, 2, 3, 4]);
        assert_eq!(sorted(Total, Desc), [4, 3, 2, 1]);
        assert_eq!(sorted(Label, Asc), [3, 4, 1, 2]);
        assert_eq!(sorted(Label, Desc), [1, 4, 3, 2]);
        // The newest first among equals.
        assert_eq!(sorted(Kind, Asc), [4, 2, 3, 1]);
        assert_eq!(sorted(CreatedBy, Asc), [3, 2, 4, 1]);
    }

    #[test]
    fn last_verification_counts() {
        let archive = |verifications: &[(VerificationLevel, VerificationResult)]| {
            let mut archive = ListedArchive::unproven(manifest(1, &json!({})));
            let verifications = verifications.iter().map(|&(level, result)| Verification {
                at: DateTime::UNIX_EPOCH,
                level,
                result,
                code: None,
                seconds: 1.0,
                restore_seconds: None,
            });
            Arc::make_mut(&mut archive.manifest).verifications = verifications.collect();
            archive
        };
        let (digest, restore) = (VerificationLevel::Digest, VerificationLevel::TestRestore);
        let (ok, failed) = (VerificationResult::Ok, VerificationResult::Failed);
        assert_eq!(last_result(&archive(&[])), LastResult::None);
        assert_eq!(
            last_result(&archive(&[(restore, failed), (digest, ok)])),
            LastResult::Digest
        );
        assert_eq!(
            last_result(&archive(&[(digest, failed), (restore, ok)])),
            LastResult::TestRestore
        );
        assert_eq!(
            last_result(&archive(&[(restore, ok), (digest, failed)])),
            LastResult::Failed
        );
    }

    #[test]
    fn only_copies_that_were_made_count_for_a_destination() {
        let filter = ArchiveFilter {
            destination_id: Some(7),
            ..ArchiveFilter::default()
        };
        let mut archive = ListedArchive::unproven(manifest(1, &json!({})));
        let mut matches = |copies: &[(i64, CopyState)]| {
            let copies = copies.iter().map(|&(destination_id, state)| ArchiveCopy {
                destination_id,
                name: "Off-site".to_owned(),
                state,
                copied_at: None,
                error: None,
            });
            archive.copies = Some(copies.collect());
            filter.matches_description(&archive)
        };
        assert!(matches(&[(6, CopyState::Failed), (7, CopyState::Copied)]));
        assert!(!matches(&[(6, CopyState::Copied), (7, CopyState::Failed)]));
        assert!(!matches(&[]));
        assert!(filter.needs_description());
        assert!(!ArchiveFilter::default().needs_description());
    }

    #[test]
    fn page_is_a_part_of_the_list() {
        let query = |limit, offset| ArchiveQuery {
            limit,
            offset,
            ..ArchiveQuery::default()
        };
        assert_eq!(query(2, 1).page(vec![1, 2, 3, 4]), [2, 3]);
        assert_eq!(query(u64::MAX, 3).page(vec![1, 2, 3, 4]), [4]);
        assert_eq!(query(2, u64::MAX).page(vec![1, 2, 3, 4]), [] as [i32; 0]);
    }
}
