//! The keys of semantic models, metrics and saved queries: dbt's, with its words.

use super::shape::{Key, Kind, Shape, optional, required};
use crate::parse::properties::columns::GRANULARITIES;

const AGGREGATIONS: &[&str] =
    &["sum", "min", "max", "count_distinct", "sum_boolean", "average", "percentile", "median", "count"];

pub(super) const SEMANTIC_MODEL: Shape = Shape {
    what: "a semantic model",
    keys: &[
        required("name", Kind::Text),
        required("model", Kind::Text),
        optional("description", Kind::Text),
        optional("label", Kind::Text),
        optional("defaults", Kind::Object(&DEFAULTS)),
        optional("entities", Kind::List(&ENTITY)),
        optional("measures", Kind::List(&MEASURE)),
        optional("dimensions", Kind::List(&DIMENSION)),
        optional("primary_entity", Kind::Text),
        CONFIG,
    ],
};

pub(super) const METRIC: Shape = Shape {
    what: "a metric",
    keys: &[
        required("name", Kind::Text),
        required("label", Kind::Text),
        required("type", Kind::Word(&["simple", "ratio", "cumulative", "derived", "conversion"])),
        required("type_params", Kind::Object(&TYPE_PARAMS)),
        optional("description", Kind::TextOrEmpty),
        optional("filter", Kind::Filter),
        optional("time_granularity", Kind::Text),
        optional("meta", Kind::Mapping),
        optional("tags", Kind::Texts),
        CONFIG,
    ],
};

pub(super) const SAVED_QUERY: Shape = Shape {
    what: "a saved query",
    keys: &[
        required("name", Kind::Text),
        required("query_params", Kind::Object(&QUERY_PARAMS)),
        optional("description", Kind::Text),
        optional("label", Kind::Text),
        optional("exports", Kind::List(&EXPORT)),
        optional("tags", Kind::Texts),
        CONFIG,
    ],
};

const CONFIG: Key = optional("config", Kind::Mapping);

const DEFAULTS: Shape = Shape { what: "`defaults`", keys: &[optional("agg_time_dimension", Kind::Text)] };

const ENTITY: Shape = Shape {
    what: "an entity",
    keys: &[
        required("name", Kind::Text),
        required("type", Kind::Word(&["primary", "foreign", "natural", "unique"])),
        optional("description", Kind::Text),
        optional("label", Kind::Text),
        optional("role", Kind::Text),
        optional("expr", Kind::Text),
        optional("config", Kind::Meta),
    ],
};

const MEASURE: Shape = Shape {
    what: "a measure",
    keys: &[
        required("name", Kind::Text),
        required("agg", Kind::Word(AGGREGATIONS)),
        optional("description", Kind::Text),
        optional("label", Kind::Text),
        optional("create_metric", Kind::Flag),
        optional("expr", Kind::Text),
        optional("agg_params", Kind::Object(&AGG_PARAMS)),
        optional("non_additive_dimension", Kind::Object(&NON_ADDITIVE)),
        optional("agg_time_dimension", Kind::Text),
        optional("config", Kind::Meta),
    ],
};

const AGG_PARAMS: Shape = Shape {
    what: "`agg_params`",
    keys: &[
        optional("percentile", Kind::Number),
        optional("use_discrete_percentile", Kind::Flag),
        optional("use_approximate_percentile", Kind::Flag),
    ],
};

const NON_ADDITIVE: Shape = Shape {
    what: "a non-additive dimension",
    keys: &[
        required("name", Kind::Text),
        required("window_choice", Kind::Word(AGGREGATIONS)),
        optional("window_groupings", Kind::Texts),
    ],
};

const DIMENSION: Shape = Shape {
    what: "a dimension",
    keys: &[
        required("name", Kind::Text),
        required("type", Kind::Word(&["categorical", "time"])),
        optional("description", Kind::Text),
        optional("label", Kind::Text),
        optional("is_partition", Kind::Flag),
        optional("type_params", Kind::Object(&DIMENSION_PARAMS)),
        optional("expr", Kind::Text),
        optional("metadata", Kind::Text),
        optional("config", Kind::Meta),
    ],
};

const DIMENSION_PARAMS: Shape = Shape {
    what: "`type_params` of a dimension",
    keys: &[
        required("time_granularity", Kind::Word(&GRANULARITIES)),
        optional("validity_params", Kind::Object(&VALIDITY)),
    ],
};

const VALIDITY: Shape = Shape {
    what: "`validity_params`",
    keys: &[optional("is_start", Kind::Flag), optional("is_end", Kind::Flag)],
};

const TYPE_PARAMS: Shape = Shape {
    what: "`type_params` of a metric",
    keys: &[
        optional("measure", Kind::Named(&INPUT_MEASURE)),
        optional("numerator", Kind::Named(&INPUT_METRIC)),
        optional("denominator", Kind::Named(&INPUT_METRIC)),
        optional("expr", Kind::Text),
        optional("window", Kind::Window),
        optional("grain_to_date", Kind::Word(&GRANULARITIES)),
        optional("metrics", Kind::NamedList(&INPUT_METRIC)),
        optional("conversion_type_params", Kind::Object(&CONVERSION)),
        optional("cumulative_type_params", Kind::Object(&CUMULATIVE)),
    ],
};

const INPUT_MEASURE: Shape = Shape {
    what: "a measure of a metric",
    keys: &[
        required("name", Kind::Text),
        optional("filter", Kind::Filter),
        optional("alias", Kind::Text),
        optional("join_to_timespine", Kind::Flag),
        optional("fill_nulls_with", Kind::Int),
    ],
};

const INPUT_METRIC: Shape = Shape {
    what: "a metric of a metric",
    keys: &[
        required("name", Kind::Text),
        optional("filter", Kind::Filter),
        optional("alias", Kind::Text),
        optional("offset_window", Kind::Window),
        optional("offset_to_grain", Kind::Text),
    ],
};

const CONVERSION: Shape = Shape {
    what: "`conversion_type_params`",
    keys: &[
        required("base_measure", Kind::Named(&INPUT_MEASURE)),
        required("conversion_measure", Kind::Named(&INPUT_MEASURE)),
        required("entity", Kind::Text),
        optional("calculation", Kind::WordOrFirst(&["conversion_rate", "conversions"])),
        optional("window", Kind::Window),
        optional("constant_properties", Kind::List(&CONSTANT_PROPERTY)),
    ],
};

const CONSTANT_PROPERTY: Shape = Shape {
    what: "a constant property",
    keys: &[required("base_property", Kind::Text), required("conversion_property", Kind::Text)],
};

const CUMULATIVE: Shape = Shape {
    what: "`cumulative_type_params`",
    keys: &[
        optional("window", Kind::Window),
        optional("grain_to_date", Kind::Text),
        optional("period_agg", Kind::WordOrFirst(&["first", "last", "average"])),
        optional("metric", Kind::Named(&INPUT_METRIC)),
    ],
};

const QUERY_PARAMS: Shape = Shape {
    what: "`query_params`",
    keys: &[
        optional("metrics", Kind::Texts),
        optional("group_by", Kind::Texts),
        optional("where", Kind::Filter),
        optional("order_by", Kind::Texts),
        optional("limit", Kind::Int),
    ],
};

const EXPORT: Shape = Shape {
    what: "an export",
    keys: &[required("name", Kind::Text), optional("config", Kind::Object(&EXPORT_CONFIG))],
};

const EXPORT_CONFIG: Shape = Shape {
    what: "the config of an export",
    keys: &[
        optional("export_as", Kind::Word(&["table", "view"])),
        optional("schema", Kind::Text),
        optional("alias", Kind::Text),
        optional("database", Kind::Text),
    ],
};
