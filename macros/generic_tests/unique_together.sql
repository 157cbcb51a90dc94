{#
    The columns are a key: never null, never twice. Rows are first counted by a hash of the key, which is
    cheap on millions of rows; only what looks repeated is then compared exactly.
#}
{% test unique_together(model, columns) %}
{%- set has_null = columns | join(' is null or ') ~ ' is null' %}
with

keyed as (

    select
        {{ columns | join(', ') }},
        xxhash64({{ columns | join(', ') }}) as key_hash
    from {{ model }}

),

suspects as (

    select key_hash
    from keyed
    group by key_hash
    having count(*) > 1 or bool_or({{ has_null }})

)

select
    {{ columns | join(', ') }},
    count(*) as row_count
from keyed
left semi join suspects on keyed.key_hash = suspects.key_hash
group by {{ columns | join(', ') }}
having count(*) > 1 or bool_or({{ has_null }})
{% endtest %}
