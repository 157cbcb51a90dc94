-- One row per model that has a champion: the version its SQL function serves.
with

champions as (

    select * from {{ source('ml', 'champion') }}

),

renamed as (

    select
        name as model_name,
        version as model_version
    from champions
    where version is not null

)

select * from renamed
