"""One frozen settings object, and the only reader of the environment.

Each field is a setting: the variable `LAKEHOUSE_<NAME>` overrides its default.
"""

import os
from functools import lru_cache
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from lakehouse.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
# One identity for every embedded part, whoever starts it: HDFS rights hang on the name.
HADOOP_USER = "lakehouse"


class Settings(BaseSettings):
    """Ports, memory sizes and folders of one lakehouse; two with different values run side by side."""

    model_config = SettingsConfigDict(env_prefix="LAKEHOUSE_", frozen=True, extra="forbid")

    state: Path = Field(ROOT / ".lakehouse" / "state", description="Folder of all data, logs and secrets")
    lib: Path = Field(
        ROOT / ".lakehouse" / "lib", description="Folder of the JVM parts, shared by all copies"
    )
    superset_venv: Path = Field(ROOT / ".venv-superset", description="Superset's own environment")
    java_home: Path | None = Field(None, description="Java to use; else JAVA_HOME, else the path")
    system_java_home: Path | None = Field(
        None,
        validation_alias=AliasChoices("JAVA_HOME"),
        description="What the system calls its Java",
    )

    host: str = Field("127.0.0.1", description="Address every server binds to")
    kafka_port: int = Field(9092, description="Kafka broker")
    kafka_controller_port: int = Field(9093, description="Kafka KRaft controller")
    namenode_port: int = Field(8020, description="HDFS NameNode RPC")
    namenode_http_port: int = Field(9870, description="HDFS NameNode web page and WebHDFS")
    datanode_port: int = Field(9866, description="First DataNode; each takes three ports of its own")
    thrift_port: int = Field(10000, description="Gateway's Thrift door: dbt, JDBC, Superset")
    connect_port: int = Field(15002, description="Gateway's Spark Connect door: Python")
    collector_port: int = Field(8090, description="Collector")
    superset_port: int = Field(8088, description="Superset")

    datanodes: int = Field(1, ge=1, le=9, description="HDFS DataNodes; replication is 3 from three on")
    kafka_partitions: int = Field(2, ge=1, description="Partitions of each topic")
    kafka_retention_hours: int = Field(168, ge=1, description="How long Kafka keeps an event")

    kafka_memory: str = Field("512m", description="Heap of the Kafka broker")
    namenode_memory: str = Field("256m", description="Heap of the NameNode")
    datanode_memory: str = Field("256m", description="Heap of each DataNode")
    gateway_memory: str = Field("3g", description="Heap of the gateway's Spark driver")
    landing_memory: str = Field("1g", description="Heap of the landing stream's Spark driver")
    gateway_owners: str = Field(
        "lakehouse",
        pattern=r"^[\w.@-]+( *, *[\w.@-]+)*$",
        description="Users of the Thrift door with all rights, commas between; others read marts and reports",
    )
    gateway_slots: int = Field(4, ge=1, description="Tasks the gateway runs at once")
    landing_slots: int = Field(2, ge=1, description="Tasks the landing stream runs at once")

    landing_interval_seconds: float = Field(1.0, gt=0, le=2, description="Trigger of the landing stream")
    landing_max_events: int = Field(80_000, ge=1, description="Most Kafka records in one micro-batch")
    late_after_minutes: int = Field(60, ge=0, description="Watermark delay: older events are late")
    future_after_minutes: int = Field(10, ge=0, description="Events further ahead do not move the watermark")
    rules_support: float = Field(
        0.002, gt=0, le=1, description="Least share of a source's orders that association rules need"
    )
    rules_confidence: float = Field(0.2, gt=0, le=1, description="Least confidence of association rules")
    fairness_tolerance: float = Field(
        0.1, gt=0, le=1, description="Gap between groups of people beyond which a model's card says so"
    )
    drift_limit: float = Field(
        0.25, gt=0, description="Population stability index from which a model's column has drifted"
    )
    retrain_days: float = Field(30, gt=0, description="Age from which `train --if-due` trains a model again")
    live_interval_seconds: float = Field(2.0, gt=0, description="Pause between updates of live.minutes")
    live_history_hours: int = Field(
        24, ge=1, le=168, description="How long live.minutes keeps a minute; older events count as too old"
    )
    compaction_interval_seconds: int = Field(600, ge=1, description="Pause between compactions of raw.events")

    pseudonym_key_file: Path | None = Field(
        None, description="Keys of pseudonyms; else secrets/pseudonym_keys in the state folder"
    )
    pseudonymise_replays: bool = Field(False, description="Pseudonyms for ids in replayed files, too")
    server_consent: bool = Field(
        True, description="Whether a server's or a database's events that are silent about consent have it"
    )
    source_keys_file: Path | None = Field(
        None, description="Keys that senders to the collector must carry; without, anyone may send"
    )
    allowed_origins: str = Field(
        "", description="Web pages that may read the collector's answers: origins with commas between, or *"
    )
    trusted_proxy: bool = Field(
        False, description="Whether a proxy before the collector names the sender in X-Forwarded-For"
    )
    requests_per_second: float = Field(
        200, ge=0, description="Requests that one sender may make to the collector for long; 0 is no limit"
    )

    database: SecretStr | None = Field(
        None, description="Connection string of a shop's PostgreSQL; set, its changes are captured"
    )
    database_tables: Path = Field(
        ROOT / "ingestion" / "sources" / "database" / "shop.yaml",
        description="Which of its tables give which events",
    )
    database_source: str = Field(
        "shop", pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Source that its events name"
    )
    database_poll_seconds: float = Field(1.0, gt=0, le=60, description="Pause before it is asked again")

    superset_database: str | None = Field(
        None, description="SQLAlchemy address of Superset's metadata; else SQLite in the state folder"
    )
    simulator_rate: float = Field(
        5, ge=0, description="Events a second of the simulator that the demo keeps running; 0 is none"
    )
    dashboards_url: str | None = Field(
        None, description="Address under which people reach Superset, for links; else its host and port"
    )
    dashboards_embed_origins: str = Field(
        "http://127.0.0.1:8091",
        description="Web pages that may show boards in a frame: origins with commas between; empty is none",
    )
    dashboards_refresh_seconds: int = Field(10, ge=1, description="Refresh period of boards that name none")

    alerts_webhook: SecretStr | None = Field(
        None, description="Address to which alerts are posted; set, or with the next, `up` watches for them"
    )
    alerts_smtp: SecretStr | None = Field(
        None,
        description="Mail server for alerts: smtp://, smtps:// or smtp+starttls://user:password@host:port",
    )
    alerts_sender: str = Field("", description="Address that alerts are mailed from")
    alerts_recipients: str = Field("", description="Addresses that alerts are mailed to, with commas between")
    alerts_quiet_hours: str = Field(
        "",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$",
        description="Hours, UTC, in which alerts are held and then sent together: 22:00-07:00",
    )
    alerts_interval_seconds: int = Field(300, ge=1, description="Pause between two looks for alerts")
    alerts_days: int = Field(14, ge=1, description="Days before a source's last one of which alerts tell")
    alerts_landing_minutes: int = Field(10, ge=1, description="How long landing may leave records waiting")
    alerts_marts_hours: int = Field(26, ge=1, description="How far marts may be behind what has landed")

    def replace(self, **changes: object) -> "Settings":
        """The same settings with some changed, as a command line option does."""
        return self.model_copy(update=changes)

    @property
    def kafka_bootstrap(self) -> str:
        """Address of the broker, as clients want it."""
        return f"{self.host}:{self.kafka_port}"

    @property
    def hdfs(self) -> str:
        """File system address."""
        return f"hdfs://{self.host}:{self.namenode_port}"

    @property
    def webhdfs(self) -> str:
        """HTTP address of the file system."""
        return f"http://{self.host}:{self.namenode_http_port}/webhdfs/v1"

    @property
    def connect_url(self) -> str:
        """What `SparkSession.builder.remote` takes, without the password."""
        return f"sc://{self.host}:{self.connect_port}"

    @property
    def replication(self) -> int:
        """Copies of each HDFS block: three where there are three DataNodes."""
        return min(3, self.datanodes)

    @property
    def logs(self) -> Path:
        """Folder of the servers' logs."""
        return self.state / "logs"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once; UserError naming the variable that makes no sense."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"LAKEHOUSE_{str(first['loc'][0]).upper()}"
        raise UserError(f"{variable}={first['input']} cannot be used: {first['msg']}.") from None


def keras_on_jax() -> None:
    """What keras reads of the environment when it is imported: jax computes, on the CPU, and no file of
    its own is left in the home folder."""
    os.environ |= {"KERAS_BACKEND": "jax", "KERAS_HOME": os.devnull, "JAX_PLATFORMS": "cpu"}
