"""The WSGI callable for any server: ``gunicorn wsgi:application``. Settings: the table in README.md."""

from mirrorlist.app import create_app
from mirrorlist.settings import read_settings

application = create_app(read_settings())
