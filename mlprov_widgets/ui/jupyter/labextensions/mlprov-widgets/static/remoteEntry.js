// The card in JupyterLab's launcher and the commands in its palette, there before any kernel runs.
// Written by hand in the form that a bundler would give it (a module-federation container: `init` and `get`), so
// that nothing has to be built. It has one plugin and no code of anybody else's.
(() => {
  const NAME = "mlprov-widgets"; // and how a kernel in which the form was shown calls its end of the line
  const EXPERIMENT = {
    command: "mlprov:new-experiment",
    label: "New ML experiment",
    caption: "Choose a task, data and settings; run it; keep a record that makes the same experiment again",
    notebook: "experiment",
    code: "from mlprov_widgets import Wizard\n\nWizard().show()",
  };
  const COMMANDS = [EXPERIMENT, {
    command: "mlprov:open-provenance",
    label: "Open provenance…",
    caption: "See what a run did and with what, or put two runs side by side",
    notebook: "provenance",
    code: "from mlprov_widgets import explore\n\nexplore()",
    again: true,
  }, {
    command: "mlprov:compare-runs",
    label: "Compare runs",
    caption: "Search the runs of this folder, and see in what they differ",
    notebook: "runs",
    code: 'from mlprov_widgets import Wizard\n\nWizard().show("runs")',
    again: true,
  }];
  const PATIENCE = 3000; // ms; a kernel that does not answer by then is at work
  const NARROW = 900; // px; in half of a narrower window a form cannot be read
  const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
    <path d="M5 6.5 12 12 5 17.5M12 12h7" fill="none" stroke="#1665b8" stroke-width="1.8"/>
    <circle cx="5" cy="6.5" r="2.6" fill="#1665b8"/><circle cx="5" cy="17.5" r="2.6" fill="#1665b8"/>
    <circle cx="12" cy="12" r="2.6" fill="#e08a1e"/><circle cx="19" cy="12" r="2.6" fill="#1b7a43"/></svg>`;

  // Where a notebook for this code can lie: nothing is overwritten, and one that has just this code is `again` it.
  const placeFor = async (contents, folder, { notebook, code, again }) => {
    const inside = (await contents.get(folder)).content.map((file) => file.name);
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? `${notebook}.ipynb` : `${notebook}-${number}.ipynb`;
      const path = folder ? `${folder}/${name}` : name;
      if (!inside.includes(name)) return { path, isNew: true };
      if (!again) continue;
      const cells = await contents.get(path).then((file) => file.content.cells, () => []);
      if (cells.length === 1 && [cells[0].source].flat().join("") === code) return { path, isNew: false };
    }
  };

  // The form needs Python, which is not what everybody's usual kernel speaks.
  const pythonOf = async ({ kernelspecs }) => {
    await kernelspecs.ready;
    const { default: usual, kernelspecs: all } = kernelspecs.specs;
    const isPython = (name) => all[name]?.language === "python";
    const name = isPython(usual) ? usual : Object.keys(all).find(isPython) || usual;
    return { name, display_name: all[name].display_name, language: all[name].language };
  };

  // Written under its own name at once: JupyterLab's list of files stumbles over one that is renamed meanwhile.
  const write = (contents, path, kernelspec, code) => contents.save(path, {
    type: "notebook",
    format: "json",
    content: {
      cells: [{ id: "form", cell_type: "code", source: code, metadata: {}, execution_count: null, outputs: [] }],
      metadata: { kernelspec, language_info: { name: kernelspec.language } },
      nbformat: 4,
      nbformat_minor: 5,
    },
  });

  // What is asked for, in a notebook.
  const inNotebook = async (app, folder, asked) => {
    const { contents } = app.serviceManager;
    const { path, isNew } = await placeFor(contents, folder, asked);
    if (isNew) await write(contents, path, await pythonOf(app.serviceManager), asked.code);
    const panel = await app.commands.execute("docmanager:open", { path, factory: "Notebook" });
    await panel.context.ready;
    // Sooner, JupyterLab would start a second kernel.
    await panel.sessionContext.ready;
    app.shell.activateById(panel.id);
    await app.commands.execute("notebook:run-all-cells");
  };

  // The kernels of the open notebooks, first that of the notebook that was used last.
  const kernelsOf = (notebooks) => {
    const panels = [notebooks.currentWidget];
    notebooks.forEach((panel) => panels.push(panel));
    return [...new Set(panels.map((panel) => panel?.sessionContext.session?.kernel).filter(Boolean))];
  };

  // The end of the line that a kernel holds in which the form was shown.
  const lineTo = async (kernel) => {
    const told = kernel.requestCommInfo({ target_name: NAME }).then(
      ({ content }) => Object.keys(content.comms || {})[0],
      () => undefined,
    );
    return Promise.race([told, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  };

  // A kernel that has the form opens a tab beside its notebook, and works in its folder; without one, a notebook does.
  const run = async (app, notebooks, folder, asked) => {
    const kernels = kernelsOf(notebooks);
    const lines = await Promise.all(kernels.map(lineTo));
    const at = lines.findIndex(Boolean);
    if (at < 0) return inNotebook(app, folder, asked);
    const line = kernels[at].createComm(NAME, lines[at]);
    line.send({ command: asked.command, narrow: app.shell.node.clientWidth < NARROW });
    line.dispose(); // this end alone: closing it would close the kernel's
  };

  const plugin = ({ ILauncher }, { ICommandPalette }, { IDefaultFileBrowser }, { INotebookTracker }, { LabIcon }) => ({
    id: `${NAME}:commands`,
    description: "Adds a card and commands that open the form of mlprov_widgets.",
    autoStart: true,
    optional: [ILauncher, ICommandPalette, IDefaultFileBrowser, INotebookTracker],
    activate: (app, launcher, palette, files, notebooks) => {
      if (!launcher || !notebooks) return; // Notebook 7 has no launcher, and shows one document a page
      const icon = new LabIcon({ name: `${NAME}:icon`, svgstr: ICON });
      COMMANDS.forEach((asked) => {
        app.commands.addCommand(asked.command, {
          label: (args) => (args.isLauncher ? "ML experiment" : asked.label),
          caption: asked.caption,
          icon: (args) => (args.isLauncher ? icon : undefined),
          execute: (args) => args.isLauncher
            ? inNotebook(app, args.cwd || "", asked)
            : run(app, notebooks, files?.model.path || "", asked),
        });
        palette?.addItem({ command: asked.command, category: "Machine learning" });
      });
      // Beside what else opens a notebook.
      launcher.add({ command: EXPERIMENT.command, args: { isLauncher: true }, category: "Notebook", rank: 1 });
    },
  });
  const LIBRARIES = ["launcher", "apputils", "filebrowser", "notebook", "ui-components"];

  let shared = {};
  const load = async (library) => {
    const [version] = Object.values(shared[`@jupyterlab/${library}`]);
    return (await version.get())();
  };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: (scope) => { shared = scope; },
    get: async () => {
      const isLab = LIBRARIES.every((library) => shared[`@jupyterlab/${library}`]); // Voilà lacks some
      const made = isLab ? plugin(...(await Promise.all(LIBRARIES.map(load)))) : [];
      return () => ({ __esModule: true, default: made });
    },
  };
})();
