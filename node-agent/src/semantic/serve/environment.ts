/**
 * Imported before node-llama-cpp, which reads `CI` as a boolean while it is loaded and throws over any other value: an empty one, as a shell or a unit
 * may well set, would keep the model from starting.
 */
if (!/^(?:true|false|1|0)$/i.test(process.env.CI ?? 'false')) delete process.env.CI;
