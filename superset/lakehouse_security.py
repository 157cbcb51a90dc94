"""Who may see what: the roles Business and Analyst, and roles that narrow rows to a source or a country."""

import re
from typing import Any, NamedTuple

from flask import g
from superset.security import SupersetSecurityManager

# A role of such a name narrows its users to these rows, in charts, SQL Lab and exports alike.
NARROWING = {"Source ": ("source",), "Country ": ("country", "country_code")}
# Superset's own all_datasource_access would open every table of the lake in SQL Lab as well; this opens
# those that are datasets, and on them the row level rules hold wherever they are read.
ANY_DATASET = "any_dataset_access"
# Who carries a token for an embedded board. The token says which board and which rows; the role, what its
# page asks of the API.
GUEST = "Guest"
GUEST_MAY = {
    ("can_read", "Chart"),
    ("can_read", "CurrentUserRestApi"),
    ("can_read", "Dashboard"),
    ("can_read", "DashboardFilterStateRestApi"),
    ("can_write", "DashboardFilterStateRestApi"),
}


class Rule(NamedTuple):
    """What Superset reads of a row level rule."""

    id: int
    group_key: str | None
    clause: str


def clauses(roles: list[str], columns: set[str]) -> list[str]:
    """SQL conditions that roles of these names put on a table with these columns.

    Several roles of one kind widen each other. A table that cannot tell whose its rows are shows none.
    """
    found = []
    for prefix, names in NARROWING.items():
        values = sorted(role.removeprefix(prefix) for role in roles if role.startswith(prefix))
        if not values:
            continue
        column = next((name for name in names if name in columns), None)
        if column and all(re.fullmatch(r"[\w .-]+", value) for value in values):
            texts = ", ".join(f"'{value}'" for value in values)
            found.append(f"{column} in ({texts})")
        else:
            found.append("1 = 0")
    return found


class LakehouseSecurityManager(SupersetSecurityManager):  # type: ignore[misc]  # Superset is untyped here
    """Superset's own, with our roles and our row level rules beside those made in the browser."""

    def create_custom_permissions(self) -> None:
        """Before roles are made of them, and before a board has named any table."""
        super().create_custom_permissions()
        self.add_permission_view_menu(ANY_DATASET, ANY_DATASET)

    def sync_role_definitions(self) -> None:
        """Business looks at boards; Analyst also asks in SQL Lab what the datasets hold."""
        super().sync_role_definitions()
        pvms = self._get_all_pvms()

        def may_look(pvm: Any) -> bool:
            # Gamma may drill, but not read the rows that drilling shows
            shows_rows = (pvm.permission.name, pvm.view_menu.name) == ("can_samples", "Datasource")
            return self._is_gamma_pvm(pvm) or shows_rows or pvm.permission.name == ANY_DATASET

        self.set_role("Business", may_look, pvms)
        self.set_role("Analyst", lambda pvm: may_look(pvm) or self._is_sql_lab_pvm(pvm), pvms)
        self.set_role(GUEST, lambda pvm: (pvm.permission.name, pvm.view_menu.name) in GUEST_MAY, pvms)

    def can_access(self, permission_name: str, view_name: str) -> bool:
        """As ever, and each dataset for those who have them all."""
        if super().can_access(permission_name, view_name):
            return True
        return permission_name == "datasource_access" and super().can_access(ANY_DATASET, ANY_DATASET)

    def user_view_menu_names(self, permission_name: str) -> set[str]:
        """The same for lists: of datasets, charts, boards, and of the databases that hold them."""
        found: set[str] = super().user_view_menu_names(permission_name)
        if permission_name == "datasource_access" and super().can_access(ANY_DATASET, ANY_DATASET):
            pvms = self._get_all_pvms()
            found |= {pvm.view_menu.name for pvm in pvms if pvm.permission.name == "datasource_access"}
        return found

    def get_rls_filters(self, table: Any) -> list[Any]:
        """Rules made in the browser, and those of the user's narrowing roles."""
        rules = list(super().get_rls_filters(table))
        if getattr(g, "user", None) is None:
            return rules
        roles = [role.name for role in self.get_user_roles(g.user)]
        # The id is part of the cache's key: two users with different rules must not share a result.
        return rules + [
            Rule(-(hash_of(clause)), None, clause) for clause in clauses(roles, columns_of(table))
        ]

    def get_guest_rls_filters(self, dataset: Any) -> list[Any]:
        """Rules of a guest's token; one that is named as a narrowing role means what that role means."""
        rules = super().get_guest_rls_filters(dataset)
        names = [rule["clause"] for rule in rules if rule["clause"].startswith(tuple(NARROWING))]
        other = [rule for rule in rules if rule["clause"] not in names]
        return other + [{"clause": clause} for clause in clauses(names, columns_of(dataset))]


def columns_of(table: Any) -> set[str]:
    """Names of a dataset's columns."""
    return {column.column_name for column in getattr(table, "columns", [])}


def hash_of(text: str) -> int:
    """The same in every process, unlike hash()."""
    return int.from_bytes(text.encode(), "big") % 2_147_483_647
