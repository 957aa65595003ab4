"""A Hydra job that starts `true`: python hydra_job.py --multirun hydra.sweep.dir=FOLDER seed=0,1,2."""
import subprocess

import hydra
from hydra.core.config_store import ConfigStore

ConfigStore.instance().store(name="config", node={"seed": 0})


@hydra.main(version_base=None, config_name="config")
def job(_):
    subprocess.run(["true"], check=True)


if __name__ == "__main__":
    job()
