"""Reports what is up. It changes nothing and does not wait."""

from perago_dev import environment, state
from perago_dev.environment import Environment
from perago_dev.errors import NotUp
from perago_dev.up import is_healthy


def report() -> str:
    """One paragraph per environment on this host."""
    paragraphs = [_paragraph(name) for name in environment.names()]
    return "".join(paragraphs) or "no environment is up\n"


def _paragraph(name: str) -> str:
    try:
        env = environment.load(name)
    except NotUp:
        return f"{name}: incomplete; `up --name {name}` continues, `down --name {name}` removes it\n"
    answer = "up" if is_healthy(env) else "does not answer; `up` rebuilds what is missing"
    mark = state.mark(env.state_dir) or {}
    return f"{name}: {answer} ({mark.get('cluster')}, {mark.get('workers')} workers)\n" + _lines(env)


def _lines(env: Environment) -> str:
    rows = {
        "kubeconfig": str(env.kubeconfig),
        "Conductor": env.conductor_url,
        "lakeFS": env.lakefs_endpoint,
        "operator": env.operator_image,
        "runner": env.runner_image,
    }
    return "".join(f"  {name:<10} {value}\n" for name, value in rows.items())
