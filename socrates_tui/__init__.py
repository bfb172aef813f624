"""The application: command line, composition root, screens and widgets. The only package that imports textual."""
