"""dbt finds this plugin by its name: it says how to start the gateway before dbt's driver fails on it."""

import socket

from dbt.flags import get_flags
from dbt.plugins.manager import dbtPlugin
from dbt_common.exceptions import DbtRuntimeError

from lakehouse.settings import get_settings

PROJECT = "customer_lakehouse"
# The others read files only, or report the connection themselves (`dbt debug`).
ASKS_THE_GATEWAY = frozenset(
    {"build", "clone", "compile", "freshness", "generate", "retry", "run", "run-operation", "seed", "show"}
    | {"snapshot", "test"}
)


class GatewayCheck(dbtPlugin):
    """Ends a command of this project that cannot work because the lakehouse is not up."""

    def initialize(self) -> None:
        """Called once per command, before dbt parses anything."""
        command = get_flags().WHICH  # type: ignore[no-untyped-call]
        if self.project_name != PROJECT or command not in ASKS_THE_GATEWAY:
            return
        settings = get_settings()
        try:
            socket.create_connection((settings.host, settings.thrift_port), timeout=5).close()
        except OSError:
            where = f"{settings.host}:{settings.thrift_port}"
            raise DbtRuntimeError(
                f"The gateway does not answer at {where}: start it with `lakehouse up`."
            ) from None


plugins = [GatewayCheck]
