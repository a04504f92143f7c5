import { useId } from 'preact/hooks';

import { useConsole } from '../context.ts';
import { emptyValue, isObject, withMember, type JsonSchema } from '../schema.ts';

interface FieldsProps {
  readonly schema: JsonSchema;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

/** The fields of a form for a value that matches a JSON schema. */
export function SchemaFields({ schema, value, onChange }: FieldsProps) {
  const { properties = {}, required = [] } = schema;
  return (
    <div class="schema">
      {Object.entries(properties).map(([name, member]) => (
        <Field
          key={name}
          name={name}
          schema={member}
          isRequired={required.includes(name)}
          value={isObject(value) ? value[name] : undefined}
          onChange={(changed) => onChange(withMember(value, name, changed))}
        />
      ))}
    </div>
  );
}

interface FieldProps extends FieldsProps {
  readonly name: string;
  readonly isRequired: boolean;
}

function Field({ name, schema, isRequired, value, onChange }: FieldProps) {
  const { texts } = useConsole();
  if (schema.type === 'object' && schema.properties)
    return (
      <fieldset>
        <legend>{name}</legend>
        <SchemaFields schema={schema} value={value} onChange={onChange} />
      </fieldset>
    );
  if (schema.type === 'array' && schema.items) {
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    const itemSchema = schema.items;
    return (
      <fieldset>
        <legend>{name}</legend>
        {items.map((item, index) => {
          const replace = (changed: unknown) => onChange(items.with(index, changed));
          return (
            <div key={index} class="item">
              {itemSchema.properties ? (
                <SchemaFields schema={itemSchema} value={item} onChange={replace} />
              ) : (
                <Field name={`${name} ${index + 1}`} schema={itemSchema} isRequired value={item} onChange={replace} />
              )}
              <button
                type="button"
                class="small"
                aria-label={texts.removeItem(name, index + 1)}
                onClick={() => onChange(items.toSpliced(index, 1))}
              >
                {texts.remove}
              </button>
            </div>
          );
        })}
        <button
          type="button"
          class="small"
          aria-label={texts.addItem(name)}
          onClick={() => onChange([...items, emptyValue(itemSchema)])}
        >
          {texts.add}
        </button>
      </fieldset>
    );
  }
  return <SimpleField name={name} schema={schema} isRequired={isRequired} value={value} onChange={onChange} />;
}

/** A field for a text, a number, a choice or a truth value. A value of another type is shown as JSON. */
function SimpleField({ name, schema, isRequired, value, onChange }: FieldProps) {
  const id = useId();
  const { type, enum: choices, minimum, maximum } = schema;
  const label = (
    <label for={id}>
      {name}
      {isRequired && <span aria-hidden="true"> *</span>}
    </label>
  );
  const optional = (text: string) => (text === '' && !isRequired ? undefined : text);
  if (choices)
    return (
      <div class="field">
        {label}
        <select
          id={id}
          value={JSON.stringify(value)}
          onChange={(change) => onChange(JSON.parse(change.currentTarget.value || 'null'))}
        >
          {choices.map((choice) => (
            <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>
              {String(choice)}
            </option>
          ))}
        </select>
      </div>
    );
  if (type === 'boolean')
    return (
      <div class="field">
        {label}
        <input
          id={id}
          type="checkbox"
          checked={value === true}
          onChange={(change) => onChange(change.currentTarget.checked)}
        />
      </div>
    );
  if (type === 'integer' || type === 'number')
    return (
      <div class="field">
        {label}
        <input
          id={id}
          inputMode="decimal"
          value={typeof value === 'number' ? String(value) : ''}
          title={[minimum, maximum].map((bound) => bound ?? '').join(' … ')}
          // A value that is no number stays a text, because wrong bodies can be tried, too.
          onChange={({ currentTarget: { value: text } }) =>
            onChange(text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : optional(text))
          }
        />
      </div>
    );
  const isText = typeof value === 'string' || value === undefined;
  return (
    <div class="field">
      {label}
      <input
        id={id}
        value={isText ? (value ?? '') : JSON.stringify(value)}
        readOnly={!isText}
        onInput={(input) => onChange(optional(input.currentTarget.value))}
      />
    </div>
  );
}
