"""Parts of tabs: each module makes a few components, registers them and returns what a tab binds."""
