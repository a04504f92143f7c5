module.exports = require('../../load-plugin.cjs')(module).BundlerPlugin;
