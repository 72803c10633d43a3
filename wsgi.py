"""The WSGI callable for any server: ``gunicorn wsgi:application``. Settings: the table in docs/settings.md."""

from mirrorlist.app import application

__all__ = ["application"]
