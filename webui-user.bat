@echo off
rem Start Atelier:  webui-user.bat [flags]          Run its tests:  webui-user.bat test [pytest's arguments]
rem The first start makes a Python environment in venv\ and installs what pyproject.toml lists.
rem Remove "rem" from a line and change it to make it yours.

setlocal

rem Flags for every start, for instance --listen --port 8080; webui-user.bat --help lists them.
rem set COMMANDLINE_ARGS=

rem The Python to make the environment with, 3.11 to 3.14.
rem set PYTHON=C:\Path\to\python.exe

rem Where the environment lies; - installs into the Python above itself.
rem set VENV_DIR=venv

rem How torch is installed, and an index to look for it in besides pip's own.
rem After changing either, start once with --reinstall-torch.
rem set TORCH_COMMAND=pip install torch==2.13.0 torchvision==0.28.0
rem set TORCH_INDEX_URL=https://download.pytorch.org/whl/cu130

rem ---------------------------------------------------------------- nothing to change from here on

cd /d "%~dp0"
if not defined PYTHON set PYTHON=python
if not defined VENV_DIR set VENV_DIR=venv
set PYTHON=%PYTHON:"=%
set VENV_DIR=%VENV_DIR:"=%

set RUNNER=%PYTHON%
if "%VENV_DIR%"=="-" goto check
if "%SKIP_VENV%"=="1" goto check
if defined VIRTUAL_ENV (
    set "RUNNER=%VIRTUAL_ENV%\Scripts\python.exe"
) else if exist "%VENV_DIR%\Scripts\python.exe" (
    set "RUNNER=%VENV_DIR%\Scripts\python.exe"
)

:check
"%RUNNER%" -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>nul
if errorlevel 1 goto old
"%RUNNER%" -m modules.foundation.install %*
set STATUS=%ERRORLEVEL%
if not "%STATUS%"=="0" pause
exit /b %STATUS%

:old
echo Atelier needs Python 3.11 to 3.14, and %RUNNER% is older or not there: install one from python.org,
echo delete the folder venv if it exists, and start again after: set PYTHON=C:\Path\to\python.exe
"%RUNNER%" -V
pause
exit /b 1
