//! The statements of a snapshot.
//!
//! The rules are dbt's, with two differences, without which one row could have two versions at a time:
//!
//! - A version does not begin before its predecessor ends. dbt lets a row that comes back after its deletion
//!   begin at its time of change, even if that is before the deletion; here it begins at the time of the run.
//! - A version does not end before it begins. dbt ends the version of a deleted row at the time of the run,
//!   even if the version begins later; here it ends where it begins.

use std::borrow::Cow;

use super::{GONE, NEW, ROWS, Snapshot, find};
use crate::node::quote_identifier;
use crate::parse::snapshot_settings::{HardDeletes, MetaColumns, SnapshotStrategy};
use crate::run::in_files;
use crate::warehouse::Column;

/// Makes the statements of one snapshot.
pub(super) struct Statements<'a> {
    snapshot: &'a Snapshot<'a>,
    columns: &'a [Column],
    existing: &'a [Column],
    meta: QuotedMeta,
    /// Where versions are read.
    pub(super) table: String,
    /// Where they are written.
    written: String,
    is_in_files: bool,
    pub(super) hard_deletes: HardDeletes,
    /// Type of a row's time of change, once it is known.
    pub(super) time_type: String,
}

/// The columns that a snapshot adds, in quotes.
struct QuotedMeta {
    scd_id: String,
    updated_at: String,
    valid_from: String,
    valid_to: String,
    is_deleted: String,
}

impl QuotedMeta {
    fn new(columns: &MetaColumns) -> Self {
        Self {
            scd_id: quote_identifier(&columns.scd_id),
            updated_at: quote_identifier(&columns.updated_at),
            valid_from: quote_identifier(&columns.valid_from),
            valid_to: quote_identifier(&columns.valid_to),
            is_deleted: quote_identifier(&columns.is_deleted),
        }
    }
}

impl<'a> Statements<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot<'a>,
        columns: &'a [Column],
        existing: &'a [Column],
        is_in_files: bool,
    ) -> Self {
        let table = snapshot.relation.render();
        let written = if is_in_files { in_files::ROWS.to_owned() } else { table.clone() };
        Self {
            snapshot,
            columns,
            existing,
            meta: QuotedMeta::new(&snapshot.settings.columns),
            table,
            written,
            is_in_files,
            hard_deletes: snapshot.hard_deletes(),
            time_type: String::new(),
        }
    }

    /// A row's time of change.
    fn updated_at(&self) -> Cow<'_, str> {
        match (&self.snapshot.custom, &self.snapshot.settings.strategy) {
            (Some(custom), _) => Cow::Borrowed(&custom.updated_at),
            (
                None,
                SnapshotStrategy::Timestamp { updated_at }
                | SnapshotStrategy::Check { updated_at: Some(updated_at), .. },
            ) => Cow::Borrowed(updated_at),
            (None, SnapshotStrategy::Check { updated_at: None, .. } | SnapshotStrategy::Custom { .. }) => {
                Cow::Borrowed(&self.snapshot.now)
            }
        }
    }

    /// A query for the time of change, for its type.
    pub(super) fn time(&self) -> String {
        format!("select {} from {ROWS}", self.updated_at())
    }

    /// `dbt_unique_key_1`, ...: the parts of the key.
    pub(super) fn keys(&self) -> Vec<String> {
        (1..=self.snapshot.unique_key().len()).map(|it| format!("dbt_unique_key_{it}")).collect()
    }

    /// The parts of the key with their expressions.
    fn key_fields(&self) -> String {
        let pairs = self.snapshot.unique_key().iter().zip(self.keys());
        pairs.map(|(key, name)| format!("{key} as {name}")).collect::<Vec<_>>().join(", ")
    }

    fn same_key(&self, left: &str, right: &str) -> String {
        let equal = |it: &String| format!("{left}.{it} = {right}.{it}");
        self.keys().iter().map(equal).collect::<Vec<_>>().join(" and ")
    }

    /// Keys of the query's rows for which a condition holds.
    pub(super) fn keys_of_rows(&self, condition: &str) -> String {
        let keys = self.snapshot.unique_key().join(", ");
        format!("select {keys} from {ROWS} where {condition} order by all")
    }

    /// Keys of the versions that begin for which a condition holds.
    pub(super) fn keys_of_new(&self, condition: &str) -> String {
        format!("select {} from {NEW} where {condition} order by all", self.keys().join(", "))
    }

    /// Whether a version holds.
    pub(super) fn is_open(&self, prefix: &str) -> String {
        let valid_to = &self.meta.valid_to;
        match &self.snapshot.settings.valid_to_current {
            Some(current) => format!("({prefix}{valid_to} = {current} or {prefix}{valid_to} is null)"),
            None => format!("{prefix}{valid_to} is null"),
        }
    }

    /// The end of a version that begins at this time: of the same type.
    fn end_of(&self, begin: &str) -> String {
        let current = self.snapshot.settings.valid_to_current.as_deref().unwrap_or("null");
        format!("coalesce(nullif({begin}, {begin}), {current})")
    }

    /// The id of a version, made as dbt makes it.
    fn scd_id(parts: &[String]) -> String {
        let parts: Vec<String> =
            parts.iter().map(|it| format!("coalesce(cast({it} as varchar), '')")).collect();
        format!("md5({})", parts.join(" || '|' || "))
    }

    /// The table at its first time.
    pub(super) fn first(&self) -> String {
        let QuotedMeta { scd_id, updated_at, valid_from, valid_to, is_deleted } = &self.meta;
        let time = self.updated_at();
        let id = if let Some(custom) = &self.snapshot.custom {
            custom.scd_id.clone()
        } else {
            let mut parts = self.snapshot.unique_key().to_vec();
            parts.push(time.to_string());
            Self::scd_id(&parts)
        };
        let deleted = match self.hard_deletes {
            HardDeletes::NewRecord => format!(", 'False' as {is_deleted}"),
            HardDeletes::Ignore | HardDeletes::Invalidate => String::new(),
        };
        format!(
            "create {}table {} as select *, {id} as {scd_id}, {time} as {updated_at}, {time} as {valid_from}, \
             {} as {valid_to}{deleted} from {ROWS}",
            if self.is_in_files { "or replace temp " } else { "" },
            self.written,
            self.end_of(&time)
        )
    }

    /// When a row is another than its version that holds.
    fn row_changed(&self) -> String {
        if let Some(custom) = &self.snapshot.custom {
            return custom.row_changed.clone();
        }
        let Some(compared) = self.snapshot.compared(self.columns) else {
            return format!("{} < source_data.tidemill_updated_at", self.seen());
        };
        if compared.iter().any(|it| find(self.existing, it).is_none()) {
            // A new column: every row gets a version that has it.
            return "true".to_owned();
        }
        let differs = compared.iter().map(|it| {
            let column = quote_identifier(it);
            format!("snapshotted_data.{column} is distinct from source_data.{column}")
        });
        differs.collect::<Vec<_>>().join(" or ")
    }

    /// The time of change of the version that holds.
    fn seen(&self) -> String {
        let has_time = find(self.existing, &self.snapshot.settings.columns.updated_at).is_some();
        let column = if has_time { &self.meta.updated_at } else { &self.meta.valid_from };
        format!("snapshotted_data.{column}")
    }

    /// Whether a row is older than its version that holds.
    fn is_late(&self) -> String {
        match (&self.snapshot.custom, &self.snapshot.settings.strategy) {
            (None, SnapshotStrategy::Timestamp { .. }) => {
                format!("coalesce(source_data.tidemill_updated_at < {}, false)", self.seen())
            }
            _ => "false".to_owned(),
        }
    }

    /// Whether the version that holds says that the row was deleted.
    fn was_deleted(&self) -> String {
        match self.hard_deletes {
            HardDeletes::NewRecord => {
                format!("coalesce(snapshotted_data.{} = 'True', false)", self.meta.is_deleted)
            }
            HardDeletes::Ignore | HardDeletes::Invalidate => "false".to_owned(),
        }
    }

    /// The versions that hold, with their keys.
    fn snapshotted(&self) -> String {
        let (keys, open) = (self.key_fields(), self.is_open(""));
        format!("snapshotted_data as (select *, {keys} from {} where {open})", self.table)
    }

    /// Makes [`NEW`]: the query's rows that begin a version, and when it begins.
    pub(super) fn changed(&self) -> String {
        let QuotedMeta { scd_id, valid_from, valid_to, .. } = &self.meta;
        let keys = self.keys();
        let own_id = match &self.snapshot.custom {
            Some(custom) => format!(", {} as tidemill_own_id", custom.scd_id),
            None => String::new(),
        };
        let id = if self.snapshot.custom.is_some() {
            "tidemill_own_id".to_owned()
        } else {
            let mut parts = keys.clone();
            parts.push("tidemill_begin".to_owned());
            Self::scd_id(&parts)
        };
        let returned = self.was_deleted();
        let late = self.is_late();
        format!(
            "create or replace temp table {NEW} as with {snapshotted}, \
             source_data as (select *, {key_fields}, {time} as tidemill_updated_at{own_id} from {ROWS}), \
             changed as (select source_data.*, snapshotted_data.{scd_id} as tidemill_closes, \
             snapshotted_data.{valid_from} as tidemill_since, ({late}) and not ({returned}) as tidemill_is_late \
             from source_data left join snapshotted_data on {same_key} \
             where snapshotted_data.dbt_unique_key_1 is null or ({row_changed}) or {returned} or ({late})), \
             ended as (select {key_list}, max(tidemill_end) as tidemill_ended_at from \
             (select {key_fields}, {valid_to} as tidemill_end from {table} where not {open}) as closed \
             where ({key_list}) in (select ({key_list}) from changed) group by {key_list}), \
             begun as (select changed.*, {begin} as tidemill_begin from changed left join ended on {same_ended}) \
             select *, {id} as tidemill_scd_id from begun",
            snapshotted = self.snapshotted(),
            key_fields = self.key_fields(),
            time = self.updated_at(),
            same_key = self.same_key("source_data", "snapshotted_data"),
            row_changed = self.row_changed(),
            key_list = keys.join(", "),
            table = self.table,
            open = self.is_open(""),
            begin = self.begin(),
            same_ended = self.same_key("changed", "ended"),
        )
    }

    /// When a version begins: at the time of change, but never before what was there before it has ended.
    fn begin(&self) -> String {
        let time = "changed.tidemill_updated_at";
        if self.snapshot.custom.is_some() {
            return time.to_owned();
        }
        let before = "greatest(changed.tidemill_since, ended.tidemill_ended_at)";
        let column = find(self.existing, &self.snapshot.settings.columns.valid_from);
        let kind = column.map_or("TIMESTAMP", |it| it.data_type.as_str());
        let otherwise = if holds_time(kind) && holds_time(&self.time_type) {
            format!("greatest(cast({} as {kind}), {before})", self.snapshot.now)
        } else {
            before.to_owned()
        };
        format!("case when {time} < {before} then cast({otherwise} as {}) else {time} end", self.time_type)
    }

    /// Makes [`GONE`]: the versions that hold of rows that are not there any more, and when they end.
    pub(super) fn gone(&self) -> String {
        let valid_from = &self.meta.valid_from;
        format!(
            "create or replace temp table {GONE} as with {snapshotted}, \
             source_data as (select {key_fields} from {ROWS}) \
             select snapshotted_data.*, \
             greatest(snapshotted_data.{valid_from}, cast({now} as {kind})) as tidemill_end \
             from snapshotted_data left join source_data on {same_key} \
             where source_data.dbt_unique_key_1 is null and not {was_deleted}",
            snapshotted = self.snapshotted(),
            key_fields = self.key_fields(),
            now = self.snapshot.now,
            kind = self.type_of_begin(),
            same_key = self.same_key("source_data", "snapshotted_data"),
            was_deleted = self.was_deleted(),
        )
    }

    /// The type of the column that says when a version begins.
    pub(super) fn type_of_begin(&self) -> &str {
        let column = find(self.existing, &self.snapshot.settings.columns.valid_from);
        column.map_or("TIMESTAMP", |it| it.data_type.as_str())
    }

    /// Ends versions, begins others.
    pub(super) fn write(&self) -> Vec<String> {
        let mut statements = self.add_columns();
        statements.push(self.end_versions(NEW, "tidemill_closes", "tidemill_begin"));
        if self.hard_deletes != HardDeletes::Ignore {
            statements.push(self.end_versions(GONE, &self.meta.scd_id, "tidemill_end"));
        }
        statements.push(self.begin_versions());
        if self.hard_deletes == HardDeletes::NewRecord {
            statements.push(self.note_deletions());
        }
        statements
    }

    fn add_columns(&self) -> Vec<String> {
        let is_new = |it: &&Column| find(self.existing, &it.name).is_none();
        let add = |name: &str, kind: &str| format!("alter table {} add column {name} {kind}", self.written);
        let mut statements: Vec<String> = self
            .columns
            .iter()
            .filter(is_new)
            .map(|it| add(&quote_identifier(&it.name), &it.data_type))
            .collect();
        if find(self.existing, &self.snapshot.settings.columns.updated_at).is_none() {
            statements.push(add(&self.meta.updated_at, &self.time_type));
        }
        statements
    }

    fn end_versions(&self, from: &str, id: &str, end: &str) -> String {
        let QuotedMeta { scd_id, valid_to, .. } = &self.meta;
        format!(
            "update {} as dbt_internal_target set {valid_to} = dbt_internal_source.{end} \
             from {from} as dbt_internal_source where dbt_internal_target.{scd_id} = dbt_internal_source.{id} and {}",
            self.written,
            self.is_open("dbt_internal_target.")
        )
    }

    fn begin_versions(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|it| quote_identifier(&it.name)).collect();
        let deleted = self.hard_deletes == HardDeletes::NewRecord;
        format!(
            "insert into {} ({names}, {meta}) select {names}, tidemill_updated_at, tidemill_begin, {end}, tidemill_scd_id{deleted} from {NEW}",
            self.written,
            names = names.join(", "),
            meta = self.meta_list(),
            end = self.end_of("tidemill_begin"),
            deleted = if deleted { ", 'False'" } else { "" },
        )
    }

    /// The columns that a snapshot adds, in the order in which they are written.
    fn meta_list(&self) -> String {
        let QuotedMeta { scd_id, updated_at, valid_from, valid_to, is_deleted } = &self.meta;
        let deleted = match self.hard_deletes {
            HardDeletes::NewRecord => format!(", {is_deleted}"),
            HardDeletes::Ignore | HardDeletes::Invalidate => String::new(),
        };
        format!("{updated_at}, {valid_from}, {valid_to}, {scd_id}{deleted}")
    }

    /// A version for every row that is gone, with the values that it had.
    fn note_deletions(&self) -> String {
        let QuotedMeta { scd_id, valid_to, .. } = &self.meta;
        let kept: Vec<String> = self
            .columns
            .iter()
            .filter(|it| find(self.existing, &it.name).is_some())
            .map(|it| quote_identifier(&it.name))
            .collect();
        let (now, kept) = (&self.snapshot.now, kept.join(", "));
        format!(
            "insert into {} ({kept}, {meta}) select {kept}, cast({now} as {kind}), tidemill_end, {valid_to}, {id}, 'True' from {GONE}",
            self.written,
            meta = self.meta_list(),
            kind = self.type_of_begin(),
            id = Self::scd_id(&[scd_id.clone(), now.clone()]),
        )
    }

    /// A query whose rows are contradictions in the history of the keys that were touched: what is wrong, and
    /// the key.
    pub(super) fn contradictions(&self) -> String {
        let QuotedMeta { scd_id, valid_from, valid_to, .. } = &self.meta;
        let key_list = self.keys().join(", ");
        let gone = match self.hard_deletes {
            HardDeletes::Ignore => String::new(),
            HardDeletes::Invalidate | HardDeletes::NewRecord => {
                format!(" union select {key_list}, {scd_id}, null from {GONE}")
            }
        };
        format!(
            "with touched as (select {key_list}, tidemill_closes as closed, tidemill_scd_id as begun from {NEW}{gone}), \
             versions as (select {key_fields}, {valid_from} as since, {valid_to} as until, {open} as is_open, \
             {scd_id} as id from {table}), \
             history as (select * from versions where ({key_list}) in (select ({key_list}) from touched)), \
             found as (select 'several versions hold' as problem, {key_list} from history where is_open \
             group by {key_list} having count(*) > 1 \
             union all select 'a version ends before it begins', {history_keys} from history join touched \
             on history.id = touched.closed and {same_touched} where not history.is_open and history.until < history.since \
             union all select 'a version begins before another ends', {history_keys} from history join touched \
             on history.id = touched.begun and {same_touched} and history.is_open join history as other on {same_other} \
             where other.id <> history.id and not other.is_open and other.until > history.since \
             union all select 'a version begins later than the one before it ends', {history_keys} from history \
             join touched on history.id = touched.begun and {same_touched} and history.is_open \
             where touched.closed is not null and not exists (select 1 from history as other where {same_other} \
             and other.id = touched.closed and not other.is_open and other.until = history.since)) \
             select distinct * from found order by all",
            key_fields = self.key_fields(),
            open = self.is_open(""),
            table = self.table,
            history_keys =
                self.keys().iter().map(|it| format!("history.{it}")).collect::<Vec<_>>().join(", "),
            same_touched = self.same_key("history", "touched"),
            same_other = self.same_key("history", "other"),
        )
    }

    /// Which rows of files are versions that end.
    pub(super) fn is_touched(&self) -> String {
        let scd_id = &self.meta.scd_id;
        let ended = |from: &str, id: &str| format!("{scd_id} in (select {id} from {from})");
        let by_new = ended(NEW, "tidemill_closes");
        match self.hard_deletes {
            HardDeletes::Ignore => by_new,
            HardDeletes::Invalidate | HardDeletes::NewRecord => {
                format!("{by_new} or {}", ended(GONE, scd_id))
            }
        }
    }

    /// Removes the temporary tables.
    pub(super) fn clean_up(&self) -> Vec<String> {
        let mut tables = vec![NEW];
        if self.hard_deletes != HardDeletes::Ignore {
            tables.push(GONE);
        }
        tables.into_iter().map(|it| format!("drop table {it}")).collect()
    }
}

/// Whether a type can hold the time of a run.
pub(super) fn holds_time(data_type: &str) -> bool {
    data_type == "VARCHAR" || data_type == "DATE" || data_type.starts_with("TIMESTAMP")
}
