"""Start the studio: `python webui.py [flags]`, `--help` lists them. `webui-user.sh` prepares the environment first."""

import time

BEGAN = time.perf_counter()

if __name__ == "__main__":
    import sys

    from modules.boot import main

    sys.exit(main(sys.argv[1:], BEGAN))
