import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['lib/**', 'style/**', 'labyard_lab/**', 'node_modules/**', '*.mjs'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.check.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // JupyterLab names its interfaces IThing, and so do we.
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'], custom: { regex: '^I[A-Z]', match: true } }
      ],
      // Numbers in sentences are what the progress text is made of.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Tokens share the name of the interface they stand for.
      '@typescript-eslint/no-redeclare': 'off',
      // Lumino's signals take the method and its object as two arguments.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-console': ['error', { allow: ['warn', 'error'] }]
    }
  }
);
