//! From the columns of a node's query to those of what is made of it.

use crate::node::quote_identifier;
use crate::parse::incremental::OnSchemaChange;
use crate::parse::snapshot_settings::{HardDeletes, SnapshotSettings, SnapshotStrategy};
use crate::warehouse::Column;

/// A query with the columns that a snapshot adds.
pub(super) fn snapshot_query(settings: &SnapshotSettings, sql: &str) -> String {
    const TIME: &str = "cast(null as timestamp)";
    let time = match &settings.strategy {
        SnapshotStrategy::Timestamp { updated_at }
        | SnapshotStrategy::Check { updated_at: Some(updated_at), .. } => updated_at.as_str(),
        SnapshotStrategy::Check { updated_at: None, .. } | SnapshotStrategy::Custom { .. } => TIME,
    };
    let names = &settings.columns;
    let item = |value: &str, name: &str| format!(", {value} as {}", quote_identifier(name));
    let mut items = item("cast(null as varchar)", &names.scd_id);
    items.push_str(&item(time, &names.updated_at));
    items.push_str(&item(time, &names.valid_from));
    items.push_str(&item(time, &names.valid_to));
    if settings.hard_deletes == HardDeletes::NewRecord {
        items.push_str(&item("cast(null as varchar)", &names.is_deleted));
    }
    format!("select *{items} from ({sql}\n) as snapshot_query")
}

/// A table that is there, with the columns that it has not yet.
pub(super) fn with_new(existing: &[Column], wanted: &[Column]) -> Vec<Column> {
    let is_new = |it: &&Column| find(existing, &it.name).is_none();
    existing.iter().chain(wanted.iter().filter(is_new)).cloned().collect()
}

/// The table of an incremental model after it took up rows with these columns.
pub(super) fn updated(existing: &[Column], wanted: &[Column], rule: OnSchemaChange) -> Vec<Column> {
    match rule {
        OnSchemaChange::Ignore | OnSchemaChange::Fail => existing.to_vec(),
        OnSchemaChange::AppendNewColumns => with_new(existing, wanted),
        OnSchemaChange::SyncAllColumns => {
            let kept = existing.iter().filter_map(|it| find(wanted, &it.name));
            let is_new = |it: &&Column| find(existing, &it.name).is_none();
            kept.chain(wanted.iter().filter(is_new)).cloned().collect()
        }
    }
}

fn find<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    columns.iter().find(|it| it.name.eq_ignore_ascii_case(name))
}
