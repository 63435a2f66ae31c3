{#
    Cents are whole numbers, so sums of them are exact and in any order the same. They become euros
    once, in the last model, and this macro is the one place that knows how.
#}
{% macro cents_to_euros(cents) -%}
cast(({{ cents }}) / 100 as decimal(18, 2))
{%- endmacro %}
