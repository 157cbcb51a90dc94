{#
    Whether an event begins a session within the events of its actor: after a gap, and by the
    policies in dbt_project.yml on another day, or with another campaign than the one before.
#}
{% macro starts_session() -%}
    opens
    {%- if var('session_split_at_midnight') %}
        or is_after_midnight
    {%- endif %}
    {%- if var('session_split_on_campaign') %}
        or campaign is not null
        and not coalesce(
            campaign_before.occurred_at >= run_started_at
            and campaign_before.campaign = campaign, false
        )
    {%- endif %}
{%- endmacro %}
