//! Selectors on a small graph in memory: `stg_a` and `stg_b` are read by `mid`, that by `top` and a board.

use std::collections::BTreeSet;

use tidemill::graph::select::{Selection, select};
use tidemill::node::NodeKind;

use crate::phases::{Checked, phases};

fn graph() -> Checked {
    let checked = phases(
        "
        //- models/staging/stg_a.sql
        {{ config(tags=['daily', 'raw']) }}
        select * from {{ source('lake', 'a') }}
        //- models/staging/stg_b.sql
        {{ config(tags=['daily'], materialized='ephemeral') }}
        select 1 as id
        //- models/marts/mid.sql
        {{ config(materialized='table') }}
        select * from {{ ref('stg_a') }} join {{ ref('stg_b') }} using (id)
        //- models/marts/top.sql
        select * from {{ ref('mid') }}
        //- seeds/codes.csv
        id
        1
        //- tests/assert_top.sql
        select * from {{ ref('top') }} where false
        //- models/s.yml
        sources: [{name: lake, tables: [{name: a}]}]
        models: [{name: mid, columns: [{name: id, data_tests: [unique]}]}]
        exposures:
          - {name: board, type: dashboard, owner: {name: Ann}, depends_on: [ref('top')]}
        ",
    )
    .check();
    checked.shows("");
    checked
}

fn selected(checked: &Checked, selection: &Selection) -> (String, Vec<String>) {
    let selected = select(checked.graph(), selection);
    let names: BTreeSet<&str> =
        selected.nodes.iter().map(|id| checked.graph().node(*id).name.as_str()).collect();
    let fault = |it: &tidemill::graph::select::SelectorFault| {
        let help = it.help.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
        format!("{}: {}{help}", it.code, it.message)
    };
    (names.into_iter().collect::<Vec<_>>().join(" "), selected.faults.iter().map(fault).collect())
}

fn selection(select: &str, exclude: &str) -> Selection {
    let list = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    Selection { select: list(select), exclude: list(exclude), ..Selection::default() }
}

#[test]
fn selectors_select_what_dbts_select() {
    let checked = graph();
    for (select, exclude, expected) in [
        ("", "", "a assert_top board codes mid stg_a stg_b top unique_mid_id"),
        ("stg_a", "", "stg_a"),
        ("stg_*", "", "stg_a stg_b"),
        ("mid", "", "mid unique_mid_id"),
        ("shop.marts", "", "assert_top mid top unique_mid_id"),
        ("marts", "", "assert_top mid top unique_mid_id"),
        ("marts.top", "", "assert_top top"),
        ("models/staging", "", "stg_a stg_b"),
        ("path:models/marts/top.sql", "", "assert_top top"),
        ("top.sql", "", "assert_top top"),
        ("tag:daily", "", "stg_a stg_b"),
        ("tag:daily,tag:raw", "", "stg_a"),
        ("tag:raw codes", "", "codes stg_a"),
        ("+mid", "", "a mid stg_a stg_b unique_mid_id"),
        ("1+mid", "", "mid stg_a stg_b unique_mid_id"),
        ("stg_a+", "", "assert_top board mid stg_a top unique_mid_id"),
        ("stg_a+1", "", "mid stg_a unique_mid_id"),
        ("@stg_a", "", "a assert_top board mid stg_a stg_b top unique_mid_id"),
        ("+exposure:board", "", "a assert_top board mid stg_a stg_b top unique_mid_id"),
        ("source:lake", "", "a"),
        ("source:lake.a+1", "", "a stg_a"),
        ("resource_type:seed", "", "codes"),
        ("config.materialized:table", "", "mid unique_mid_id"),
        ("test_type:singular", "", "assert_top"),
        ("test_name:unique", "", "unique_mid_id"),
        ("+top,tag:daily", "", "stg_a stg_b"),
        ("", "tag:daily", "a assert_top board codes mid top unique_mid_id"),
        ("+mid", "stg_a", "a mid stg_b unique_mid_id"),
        ("stg_a+", "top+", "mid stg_a unique_mid_id"),
        ("package:shop", "resource_type:test", "a board codes mid stg_a stg_b top"),
    ] {
        let (names, faults) = selected(&checked, &selection(select, exclude));
        assert_eq!((names.as_str(), faults), (expected, Vec::new()), "--select {select} --exclude {exclude}");
    }
}

#[test]
fn what_matches_nothing_shows_near_names() {
    let checked = graph();
    for (select, expected) in [
        ("stg_c", "empty-selector: the selector `stg_c` matches nothing (near: `stg_a`, `stg_b`)"),
        ("tag:dayly", "empty-selector: the selector `tag:dayly` matches nothing (near: `daily`)"),
        (
            "zebra",
            "empty-selector: the selector `zebra` matches nothing (`tidemill list` shows what can be selected)",
        ),
        (
            "tags:daily",
            "invalid-selector: `tags:daily` is not a selector: there is no method `tags` (did you mean `tag`?)",
        ),
    ] {
        let (names, faults) = selected(&checked, &selection(select, ""));
        assert_eq!((names.as_str(), faults), ("", vec![expected.to_owned()]), "{select}");
    }
}

#[test]
fn an_empty_intersection_of_what_exists_is_empty() {
    let (names, faults) = selected(&graph(), &selection("tag:daily,codes", ""));
    assert_eq!((names.as_str(), faults), ("", Vec::new()));
}

#[test]
fn a_test_is_selected_with_any_of_what_it_reads() {
    let checked = phases(
        "
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select 1 as id
        //- models/s.yml
        models:
          - name: b
            columns: [{name: id, data_tests: [{relationships: {arguments: {to: ref('a'), field: id}}}]}]
        ",
    )
    .check();
    for name in ["a", "b"] {
        let selected = select(checked.graph(), &selection(name, ""));
        let kinds: Vec<NodeKind> = selected.nodes.iter().map(|id| checked.graph().node(*id).kind).collect();
        assert_eq!(kinds, [NodeKind::Model, NodeKind::Test], "{name}");
    }
}
