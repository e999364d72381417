// The card in JupyterLab's launcher, there before any kernel runs: it opens a notebook in which the form is shown.
// Written by hand in the form that a bundler would give it (a module-federation container: `init` and `get`), so
// that nothing has to be built. It has one plugin and no code of anybody else's.
(() => {
  const NAME = "mlprov-widgets";
  const COMMAND = "mlprov:open-form";
  const CODE = "from mlprov_widgets import Wizard\n\nWizard().show()";
  const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
    <path d="M5 6.5 12 12 5 17.5M12 12h7" fill="none" stroke="#1665b8" stroke-width="1.8"/>
    <circle cx="5" cy="6.5" r="2.6" fill="#1665b8"/><circle cx="5" cy="17.5" r="2.6" fill="#1665b8"/>
    <circle cx="12" cy="12" r="2.6" fill="#e08a1e"/><circle cx="19" cy="12" r="2.6" fill="#1b7a43"/></svg>`;

  // A name that is free in the folder, so that nothing is overwritten.
  const freeName = (taken) => {
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? "experiment.ipynb" : `experiment-${number}.ipynb`;
      if (!taken.includes(name)) return name;
    }
  };

  const openForm = async (app, folder) => {
    const contents = app.serviceManager.contents;
    const inside = await contents.get(folder);
    const made = await contents.newUntitled({ path: folder, type: "notebook" });
    const name = freeName(inside.content.map((file) => file.name));
    const { path } = await contents.rename(made.path, folder ? `${folder}/${name}` : name);
    await app.serviceManager.kernelspecs.ready;
    const kernel = { name: app.serviceManager.kernelspecs.specs.default };
    const panel = await app.commands.execute("docmanager:open", { path, factory: "Notebook", kernel });
    await panel.context.ready;
    panel.content.model.cells.get(0).sharedModel.setSource(CODE);
    // Sooner, JupyterLab would start a second kernel.
    await panel.sessionContext.ready;
    await panel.context.save();
    app.shell.activateById(panel.id);
    await app.commands.execute("notebook:run-all-cells");
  };

  const plugin = ({ ILauncher }, { LabIcon }) => ({
    id: `${NAME}:card`,
    description: "Adds a card that opens the form of mlprov_widgets.",
    autoStart: true,
    optional: [ILauncher], // Notebook 7 has none
    activate: (app, launcher) => {
      if (!launcher) return;
      app.commands.addCommand(COMMAND, {
        label: "ML experiment",
        caption: "Choose a task, data and settings; run it; keep a record that makes the same experiment again",
        icon: new LabIcon({ name: `${NAME}:icon`, svgstr: ICON }),
        execute: (args) => openForm(app, args.cwd || ""),
      });
      launcher.add({ command: COMMAND, category: "Notebook", rank: 1 }); // beside what else opens a notebook
    },
  });

  let shared = {};
  const load = async (library) => {
    const [version] = Object.values(shared[library]);
    return (await version.get())();
  };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: (scope) => { shared = scope; },
    get: async () => {
      if (!shared["@jupyterlab/launcher"]) return () => ({ __esModule: true, default: [] }); // Voilà
      const made = plugin(await load("@jupyterlab/launcher"), await load("@jupyterlab/ui-components"));
      return () => ({ __esModule: true, default: made });
    },
  };
})();
