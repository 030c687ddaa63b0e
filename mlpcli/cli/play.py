"""``mlp play``: a page in the browser that shows a network as it trains."""

from __future__ import annotations

from pathlib import Path

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_config
from mlpcli.cli.configs import read_config
from mlpcli.cli.interrupt import Interrupt
from mlpcli.cli.options import set_option
from mlpcli.cli.output import show, tell
from mlpcli.play import require_server

__all__ = ["play"]


@click.command()
@click.argument("config", type=click.Path(path_type=Path), required=False, shell_complete=complete_config)
@set_option
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where the page's button saves play.yaml. Default: the working directory.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port on 127.0.0.1; 0 takes any free one.",
)
@click.option("--open", "open_browser", is_flag=True, help="Also open the page in the browser.")
def play(config: Path | None, overrides: tuple[str, ...], out: Path, port: int, open_browser: bool) -> None:
    """Serve a page on this machine that shows the network of CONFIG as it trains, in the engine of mlp train.

    For classes in the plane of two features, and a quantity over one or two: toy sets or your own table.
    CONFIG may also be the directory of a run, or a checkpoint; without it: the spiral. Settings, points and
    seed can be changed on the page, and its YAML button writes the config of what is shown. Ctrl-C ends it.
    """
    require_server()
    prepare_blas()
    import webbrowser

    from mlpcli.config.loader import parse_experiment
    from mlpcli.config.yaml12 import write_yaml
    from mlpcli.play.app import HOST, listen, serve
    from mlpcli.play.session import DEFAULT, Session

    if config is None:
        experiment = parse_experiment(write_yaml(DEFAULT), "the spiral", Path(), overrides)
    else:
        experiment = read_config(config, overrides)
    with listen(port) as server:
        session = Session(experiment, out.resolve())
        address = f"http://{HOST}:{server.getsockname()[1]}/"
        tell(f"{session.run.describe_data()}. Open this page in a browser; Ctrl-C ends it.")
        for note in session.run.notes:
            tell(note)
        show(address)
        if open_browser:
            webbrowser.open(address)
        with Interrupt() as interrupt:
            try:
                serve(session, server)
            except KeyboardInterrupt:
                tell("\nEnded.")
                click.get_current_context().exit(interrupt.exit_code)
