"""The application that gunicorn serves; run as a script, it brings the metadata up to date."""

import os
from pathlib import Path
from typing import Any

import flask_migrate
from superset.app import create_app as create_superset

ADMIN = "admin"


def create_app() -> Any:
    """Superset with its administrator in place."""
    app = create_superset()
    with app.app_context():
        _ensure_admin(app)
    return app


def migrate() -> None:
    """Tables, permissions and roles: `superset db upgrade` and `superset init` in one process."""
    app = create_superset()
    with app.app_context():
        flask_migrate.upgrade()
        from superset import appbuilder, db, security_manager

        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        db.session.commit()


def _ensure_admin(app: Any) -> None:
    """Created once with the generated password; changed later in the browser, it stays changed."""
    manager = app.appbuilder.sm
    if manager.find_user(ADMIN) is None:
        password = Path(os.environ["LAKEHOUSE_SUPERSET_HOME"], "admin_password").read_text().strip()
        role = manager.find_role("Admin")
        if not manager.add_user(ADMIN, "Lakehouse", "Admin", "admin@localhost", role, password):
            raise SystemExit("Superset could not create its administrator; see the lines above.")


if __name__ == "__main__":
    migrate()
