//! SQL functions: made before what calls them, called by name, and described in YAML.

use crate::project::{TestProject, project};

fn functions() -> TestProject {
    project(
        "
        //- functions/area.sql
        w * h
        //- functions/squares.sql
        select i as id, {{ function('area') }}(i, i) as a from range(n) as t(i)
        //- functions/f.yml
        functions:
          - name: area
            description: width times height
            arguments: [{name: w, data_type: integer}, {name: h, data_type: integer, default_value: 3}]
            returns: {data_type: bigint}
          - name: squares
            config: {type: table}
            arguments: [{name: n, data_type: integer}]
            returns: {columns: [{name: id, data_type: varchar}, {name: a}]}
        //- models/m.sql
        select id, a, {{ function('area') }}(id::int) as b from {{ function('squares') }}(3)
        ",
    )
}

#[test]
fn functions_are_made_before_what_calls_them() {
    let project = functions();
    project.run("build").exit(0).stdout_has("1 model, 2 functions published");
    assert_eq!(
        project.query("select *, typeof(id) from m order by 1"),
        "0 | 0 | 0 | VARCHAR\n1 | 1 | 3 | VARCHAR\n2 | 4 | 6 | VARCHAR"
    );
    // Made anew, while a view calls them.
    project.write("functions/area.sql", "w * h * 10");
    project.run("build -s area").exit(0);
    assert_eq!(project.query("select max(b) from m"), "60");
}

#[test]
fn they_are_nodes_to_select_and_list() {
    let project = functions();
    project.run("list --resource-type function --output name").exit(0).stdout("area\nsquares\n");
    project.run("list -s area+ --output name").exit(0).stdout("area\nm\nsquares\n");
    project
        .run("list -s resource_type:function --output path")
        .exit(0)
        .stdout("functions/area.sql\nfunctions/squares.sql\n");
    project.run("build -s resource_type:function").exit(0).stdout_has("function main.area");
}

#[test]
fn an_aggregate_is_a_function_of_rows() {
    let project = project(
        "
        //- functions/share.sql
        sum(x) / count(*)
        //- functions/f.yml
        functions: [{name: share, config: {type: aggregate}, arguments: [{name: x}], returns: {data_type: double}}]
        //- models/m.sql
        select {{ function('share') }}(i) as s from range(5) as t(i)
        ",
    );
    project.run("build").exit(0);
    assert_eq!(project.query("from m"), "2.0");
}

#[test]
fn a_function_can_become_a_table() {
    let project = functions();
    project.run("build -s area").exit(0);
    project.write("functions/area.sql", "select w as x");
    let text = project
        .read("functions/f.yml")
        .replace("returns: {data_type: bigint}", "returns: {data_type: table}\n    config: {type: table}");
    project.write("functions/f.yml", text);
    project.run("build -s area").exit(0);
    assert_eq!(project.query("from area(4)"), "4");
}

#[test]
fn a_view_that_calls_a_function_is_not_broken_by_it() {
    let project = functions();
    project.run("build").exit(0);
    let yaml = project.read("functions/f.yml");
    project.write(
        "functions/f.yml",
        yaml.replace("{name: h, data_type: integer, default_value: 3}", "{name: h}, {name: d}"),
    );
    project
        .run("build -s area")
        .exit(1)
        .stdout_has("the new version of `area` would break the view main.m, which reads from it\n     kept the version of 2")
        .stdout_has("note: main.m: Macro area() does not support the supplied arguments.")
        .stdout_has("help: make what reads it anew in the same run: tidemill build -s area+");
    assert_eq!(project.query("select max(b) from m"), "6");
}

/// A test that calls a function decides on it: what is there is said, and stays.
#[test]
fn a_failing_test_leaves_the_old_function() {
    for publish in ["model", "run"] {
        let project = functions();
        project.write("tests/positive.sql", "select 1 where {{ function('area') }}(2, 3) <= 0");
        project.run(&format!("build --publish {publish}")).exit(0).stdout_has("1 test passed");
        project.write("functions/area.sql", "-w * h");
        project
            .run(&format!("build --publish {publish}"))
            .exit(1)
            .stdout_has("rolled back  function main.area")
            .stdout_has("kept the version of ")
            .stdout_has("failed positive: 1 failure");
        assert_eq!(project.query("select max(b), area(2, 3) from m"), "6 | 6", "{publish}");
        project.write("functions/area.sql", "w * nothing");
        project
            .run(&format!("build --no-check --publish {publish}"))
            .exit(1)
            .stdout_has("error        function main.area")
            .stdout_has("kept the version of ");
        assert_eq!(project.query("select max(b), area(2, 3) from m"), "6 | 6", "{publish}");
        project.run("test").exit(0).stdout_has("1 test passed");
    }
}

#[test]
fn an_error_is_at_the_functions_own_line() {
    let project = functions();
    project.write("functions/area.sql", "w *\n  nope(h)");
    project
        .run("build --no-check")
        .exit(1)
        .stdout_has("functions/area.sql:2:3")
        .stdout_has("skipped      view main.m");
}

#[test]
fn faults_are_said_before_anything_runs() {
    let unknown = project(
        "//- models/m.sql\nselect {{ function('aera') }}(1)\n//- functions/area.sql\n1\n//- functions/f.yml\nfunctions: [{name: area, returns: {data_type: int}}]\n",
    );
    unknown
        .run("parse")
        .exit(2)
        .stderr_has(
            "error[unknown-function]: model `m` calls the function `aera`, which is not in this project",
        )
        .stderr_has("help: did you mean `area`?");
    project("//- functions/area.sql\n1\n")
        .run("parse")
        .exit(2)
        .stderr_has("error[missing-key]: nothing says what the function `area` returns");
    project("//- functions/area.sql\n1\n//- functions/f.yml\nfunctions: [{name: area, config: {type: tabel}, returns: {data_type: int}}]\n")
        .run("parse")
        .exit(2)
        .stderr_has("error[invalid-value]: `tabel` is not a value of a function's `type`")
        .stderr_has("did you mean `table`?");
    project("//- functions/f.yml\nfunctions: [{name: area, arguments: [{name: x}, {name: X}], returns: {data_type: int}}]\n")
        .run("parse")
        .exit(2)
        .stderr_has("error[duplicate-argument]: the argument `X` is listed twice")
        .stderr_has("error[unknown-node]: there is no function `area`");
    project("//- functions/area.py\nx = 1\n")
        .run("parse")
        .exit(2)
        .stderr_has("error[python-function]: Python functions are not supported");
}
