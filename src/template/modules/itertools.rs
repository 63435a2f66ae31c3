//! `modules.itertools`: what dbt offers of it. Results are lists, which templates read like iterators;
//! the endless ones (`count`, `cycle`, `repeat`) end after as many items as a template may loop over.

use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::{arithmetic, unknown};
use crate::template::fault::bad_call;
use crate::template::tables::mapped::tuple;
use crate::template::values::arguments::Arguments;
use crate::template::values::list::List;
use crate::template::values::print;

/// As many items as `range()` allows.
const ENDLESS: usize = 100_000;

/// As many results as can be meant.
const MOST: usize = 10_000_000;

/// `modules.itertools`.
#[derive(Debug)]
pub(super) struct Itertools;

const FUNCTIONS: &[&str] = &[
    "accumulate",
    "chain",
    "combinations",
    "combinations_with_replacement",
    "compress",
    "count",
    "cycle",
    "islice",
    "permutations",
    "product",
    "repeat",
    "starmap",
    "tee",
    "zip_longest",
];

impl Object for Itertools {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        FUNCTIONS.iter().find(|it| **it == name).map(|it| Value::from_object(Function(it)))
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match FUNCTIONS.iter().find(|it| **it == method) {
            Some(name) => run(name, state, args),
            None => Err(unknown("modules.itertools", method, FUNCTIONS)),
        }
    }
}

/// A function of the module as a value.
#[derive(Debug)]
struct Function(&'static str);

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        run(self.0, state, args)
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match (self.0, method) {
            ("chain", "from_iterable") => {
                let all = items(&Arguments::new("from_iterable", args).required("iterable")?)?;
                chain(&all)
            }
            _ => Err(unknown(self.0, method, &["from_iterable"])),
        }
    }
}

fn run(function: &'static str, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new(function, args);
    match function {
        "chain" => chain(&args.rest()),
        "count" => count(&mut args),
        "cycle" => {
            let values = items(&args.required("iterable")?)?;
            Ok(List::value(values.iter().cycle().take(ENDLESS).cloned().collect()))
        }
        "repeat" => {
            let value = args.required("object")?;
            let times = args.optional("times").and_then(|it| it.as_usize()).unwrap_or(ENDLESS);
            Ok(List::value(vec![value; times.min(ENDLESS)]))
        }
        "accumulate" => accumulate(state, &mut args),
        "compress" => {
            let (data, selectors) = (items(&args.required("data")?)?, items(&args.required("selectors")?)?);
            let kept = data.into_iter().zip(selectors).filter(|it| it.1.is_true()).map(|it| it.0);
            Ok(List::value(kept.collect()))
        }
        "islice" => islice(&args.rest()),
        "starmap" => {
            let (function, rows) = (args.required("function")?, items(&args.required("iterable")?)?);
            let results: Result<Vec<Value>, Error> =
                rows.iter().map(|row| function.call(state, &items(row)?)).collect();
            results.map(List::value)
        }
        "tee" => {
            let values = items(&args.required("iterable")?)?;
            let n = args.optional("n").and_then(|it| it.as_usize()).unwrap_or(2);
            Ok(tuple((0..n.min(ENDLESS)).map(|_| List::value(values.clone()))))
        }
        "zip_longest" => {
            let fill = args.named("fillvalue").unwrap_or_else(|| Value::from(()));
            let columns = args.rest().iter().map(items).collect::<Result<Vec<_>, _>>()?;
            let length = columns.iter().map(Vec::len).max().unwrap_or(0);
            let cell = |column: &Vec<Value>, row: usize| column.get(row).unwrap_or(&fill).clone();
            Ok(rows((0..length).map(|row| columns.iter().map(|it| cell(it, row)).collect()).collect()))
        }
        "product" => {
            let times = args.named("repeat").and_then(|it| it.as_usize()).unwrap_or(1);
            let columns = args.rest().iter().map(items).collect::<Result<Vec<_>, _>>()?;
            let columns = vec![columns; times.min(ENDLESS)].concat();
            product(&columns)
        }
        _ => choose(function, &mut args),
    }
}

fn items(value: &Value) -> Result<Vec<Value>, Error> {
    Ok(value.try_iter()?.collect())
}

fn rows(rows: Vec<Vec<Value>>) -> Value {
    List::value(rows.into_iter().map(tuple).collect())
}

fn chain(sequences: &[Value]) -> Result<Value, Error> {
    let mut all = Vec::new();
    for sequence in sequences {
        all.extend(sequence.try_iter()?);
    }
    Ok(List::value(all))
}

fn count(args: &mut Arguments) -> Result<Value, Error> {
    let (start, step) = (args.optional("start"), args.optional("step"));
    let number = |value: &Option<Value>, default: i64| match value {
        Some(value) => value
            .as_i64()
            .filter(|_| value.is_integer())
            .ok_or_else(|| bad_call(format!("`count()` needs whole numbers, not {}", print::repr(value)))),
        None => Ok(default),
    };
    let (start, step) = (number(&start, 0)?, number(&step, 1)?);
    let values = (0..).map_while(|it: i64| start.checked_add(step.checked_mul(it)?));
    Ok(List::value(values.take(ENDLESS).map(Value::from).collect()))
}

fn accumulate(state: &mut State<'_, '_>, args: &mut Arguments) -> Result<Value, Error> {
    let values = items(&args.required("iterable")?)?;
    let function = args.optional("func").filter(|it| !it.is_none());
    let mut total = args.named("initial").filter(|it| !it.is_none());
    let mut totals: Vec<Value> = total.iter().cloned().collect();
    for value in values {
        let next = match (total, &function) {
            (None, _) => value,
            (Some(total), Some(function)) => function.call(state, &[total, value])?,
            (Some(total), None) => arithmetic::plus(state, &total, &value)?,
        };
        totals.push(next.clone());
        total = Some(next);
    }
    Ok(List::value(totals))
}

/// `islice(iterable, stop)` or `islice(iterable, start, stop, step)`.
fn islice(args: &[Value]) -> Result<Value, Error> {
    let (values, bounds) = match args {
        [values, bounds @ ..] if !bounds.is_empty() => (items(values)?, bounds),
        _ => return Err(bad_call("`islice()` needs something to iterate over and where to stop")),
    };
    let bound = |index: usize| bounds.get(index).and_then(Value::as_usize);
    let (start, stop) = if bounds.len() == 1 { (0, bound(0)) } else { (bound(0).unwrap_or(0), bound(1)) };
    let step = bound(2).unwrap_or(1).max(1);
    let taken = values.into_iter().take(stop.unwrap_or(usize::MAX)).skip(start).step_by(step);
    Ok(List::value(taken.collect()))
}

fn product(columns: &[Vec<Value>]) -> Result<Value, Error> {
    let size = columns.iter().try_fold(1_usize, |size, it| size.checked_mul(it.len()));
    if size.is_none_or(|it| it > MOST) {
        return Err(too_many());
    }
    let mut all: Vec<Vec<Value>> = vec![Vec::new()];
    for column in columns {
        all = all
            .into_iter()
            .flat_map(|row| column.iter().map(move |it| [row.as_slice(), std::slice::from_ref(it)].concat()))
            .collect();
    }
    Ok(rows(all))
}

fn too_many() -> Error {
    bad_call(format!("this has more than {MOST} results"))
}

/// `permutations`, `combinations` and `combinations_with_replacement`.
fn choose(function: &str, args: &mut Arguments) -> Result<Value, Error> {
    let values = items(&args.required("iterable")?)?;
    let length = args.optional("r").and_then(|it| it.as_usize()).unwrap_or(values.len());
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..length {
        let mut longer = Vec::new();
        for taken in all {
            let first = taken.last().copied();
            let next = (0..values.len()).filter(|it| match function {
                "permutations" => !taken.contains(it),
                "combinations" => first.is_none_or(|first| *it > first),
                _ => first.is_none_or(|first| *it >= first),
            });
            longer.extend(next.map(|it| [taken.as_slice(), &[it]].concat()));
            if longer.len() > MOST {
                return Err(too_many());
            }
        }
        all = longer;
    }
    Ok(rows(all.into_iter().map(|it| it.into_iter().map(|at| values[at].clone()).collect()).collect()))
}
