//! A profile for programs.

use serde_json::{Value as Json, json};

use super::words::{self, as_seconds};
use crate::profile::{Form, Growth, Joined, LeftOut, Measured, Profiled, Read, WhyLeftOut};
use crate::warehouse::profile::{Operator, OperatorKind};

/// All of it, on several lines.
pub fn json(profiled: &Profiled) -> String {
    let findings = profiled.findings.iter().map(|it| {
        json!({
            "code": words::code(&it.what),
            "nodes": it.nodes,
            "message": words::message(&it.what),
            "help": words::help(&it.what),
            "seconds": as_seconds(it.at_stake),
        })
    });
    let all = json!({
        "models": profiled.measured.iter().map(model).collect::<Json>(),
        "findings": findings.collect::<Json>(),
        "growth": profiled.growth.iter().map(growth).collect::<Json>(),
        "not_measured": profiled.left_out.iter().map(left_out).collect::<Json>(),
    });
    format!("{all:#}\n")
}

fn model(it: &Measured) -> Json {
    let rows = it.profile.root.rows;
    let reduction = (rows > 0 && it.facts.rows_in > 0).then(|| crate::profile::ratio(it.facts.rows_in, rows));
    json!({
        "unique_id": it.unique_id,
        "path": it.path,
        "materialized": it.made_as,
        "is_stored": it.is_stored,
        "query": match it.form {
            Form::Whole => "whole",
            Form::Update => "update",
            Form::Batch => "newest batch",
        },
        "seconds": as_seconds(it.profile.elapsed),
        "cpu_seconds": as_seconds(it.profile.busy),
        "rows_in": it.facts.rows_in,
        "rows_out": rows,
        "reduction": reduction,
        "bytes_in": it.facts.bytes_in,
        "bytes_out": it.profile.root.bytes,
        "bytes_read": it.profile.bytes_read,
        "peak_memory_bytes": it.profile.peak_memory,
        "spilled_bytes": it.profile.spilled,
        "reads": it.facts.reads.iter().map(read).collect::<Json>(),
        "joins": it.facts.joins.iter().map(join).collect::<Json>(),
        "operators": operator(&it.profile.root),
    })
}

fn read(it: &Read) -> Json {
    json!({
        "of": it.of,
        "columns": it.scan.columns,
        "filters": it.scan.filters,
        "rows_scanned": it.scan.looked_at,
        "rows_kept": it.kept,
    })
}

fn join(it: &Joined) -> Json {
    json!({
        "on": it.on,
        "tables": it.tables,
        "rows_in": it.inputs,
        "rows_out": it.rows,
        "fan_out": it.fan_out(),
        "aggregated_to": it.aggregated.as_ref().map(|it| it.rows),
    })
}

fn operator(it: &Operator) -> Json {
    let mut entry = json!({
        "name": it.name,
        "step": words::step(it),
        "rows": it.rows,
        "bytes": it.bytes,
        "cpu_seconds": as_seconds(it.busy),
        "inputs": it.inputs.iter().map(operator).collect::<Json>(),
    });
    if let OperatorKind::Scan(scan) = &it.kind {
        entry["rows_scanned"] = scan.looked_at.into();
    }
    entry
}

fn growth(it: &Growth) -> Json {
    json!({
        "unique_id": it.unique_id,
        "seconds_before": it.seconds_before,
        "seconds": it.seconds,
        "rows_in_before": it.rows_in_before,
        "rows_in": it.rows_in,
        "runs_before": it.runs_before,
        "runs": it.runs,
        "is_slower": it.is_slower,
        "reads_more": it.reads_more,
    })
}

fn left_out(it: &LeftOut) -> Json {
    let reason = match &it.why {
        WhyLeftOut::NotBuilt { .. } => "not built",
        WhyLeftOut::TableFunction => "table function",
        WhyLeftOut::NotExplained => "not explained",
    };
    json!({
        "unique_id": it.unique_id,
        "reason": reason,
        "message": words::why_left_out(&it.why, &it.name),
    })
}
