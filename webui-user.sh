#!/usr/bin/env bash
# Start Atelier:  ./webui-user.sh [flags]          Run its tests:  ./webui-user.sh test [pytest's arguments]
# The first start makes a Python environment in venv/ and installs what pyproject.toml lists.
# Uncomment a line and change it to make it yours.

# Flags for every start, for instance "--listen --port 8080"; ./webui-user.sh --help lists them.
#export COMMANDLINE_ARGS=""

# The Python to make the environment with, 3.11 to 3.14.
#python_cmd="python3.12"

# Where the environment lies; "-" installs into the Python above itself.
#venv_dir="venv"

# How torch is installed, and an index to look for it in besides pip's own.
# After changing either, start once with --reinstall-torch.
#export TORCH_COMMAND="pip install torch==2.13.0 torchvision==0.28.0"
#export TORCH_INDEX_URL="https://download.pytorch.org/whl/cu130"

# ---------------------------------------------------------------- nothing to change from here on

cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
export venv_dir="${venv_dir:-venv}"

candidates=(python3 python3.14 python3.13 python3.12 python3.11 python)
if [ "$venv_dir" != "-" ] && [ -n "${VIRTUAL_ENV:-}" ]; then
    candidates=("$VIRTUAL_ENV/bin/python")
elif [ "$venv_dir" != "-" ] && [ -x "$venv_dir/bin/python" ]; then
    candidates=("$venv_dir/bin/python")
elif [ -n "${python_cmd:-}" ]; then
    candidates=("$python_cmd")
fi
for python in "${candidates[@]}"; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" -m modules.foundation.install "$@"
    fi
done
found="$("${candidates[0]}" -V 2>&1)" || found="not there"
echo "Atelier needs Python 3.11 to 3.14, and ${candidates[0]} is ${found}: install one, delete the folder venv if it" \
    "exists, and type: python_cmd=python3.12 ./webui-user.sh" >&2
exit 1
