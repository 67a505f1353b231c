//! Several writes as one: each is decided on what the earlier ones leave, and all are committed together.

use std::sync::Arc;

use avi_schema::TypeSchema;
use serde_json::Value;

use super::{Change, Effect, Guard, KEYS_MAX, Origin, Write, WriteContext};
use crate::error::WriteError;
use crate::object::Object;
use crate::projection::Projection;
use crate::rules;

/// Revision that objects of earlier steps seem to have; guards that name it are dropped with their keys.
const PENDING: u64 = u64::MAX;

/// Writes that happen together or not at all.
pub struct Batch<'a> {
    base: &'a Projection,
    context: &'a WriteContext<'a>,
    /// `base` after the steps so far; made when a second step looks, because most writes have one.
    scratch: Option<Projection>,
    /// Effects that `scratch` has not seen.
    pending: Vec<Effect>,
    steps: Vec<Change>,
    guards: Vec<Guard>,
    effects: Vec<Effect>,
    warnings: Vec<String>,
    /// Which of the steps the caller asked for first.
    main: Option<usize>,
    /// Objects that steps are making now, one inside the other.
    depth: usize,
}

impl<'a> Batch<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new(projection: &'a Projection, context: &'a WriteContext<'a>) -> Self {
        Self {
            base: projection,
            context,
            scratch: None,
            pending: Vec::new(),
            steps: Vec::new(),
            guards: Vec::new(),
            effects: Vec::new(),
            warnings: Vec::new(),
            main: None,
            depth: 0,
        }
    }

    /// The objects as the steps so far leave them.
    pub fn projection(&mut self) -> &Projection {
        if !self.pending.is_empty() {
            let scratch = self.scratch.get_or_insert_with(|| self.base.clone());
            for effect in self.pending.drain(..) {
                match effect {
                    // What was just encoded decodes; if it did not, the next step would miss it and be refused.
                    Effect::Put(key, value) => drop(scratch.apply_put(&key, &value, PENDING)),
                    Effect::Delete(key) => drop(scratch.apply_delete(&key)),
                }
            }
        }
        self.scratch.as_ref().unwrap_or(self.base)
    }

    /// Makes an object, and what it brings along.
    ///
    /// # Errors
    /// The text and class of the refusal; the batch is of no use then.
    pub fn create(&mut self, schema: &'static TypeSchema, input: &Value) -> Result<Arc<Object>, WriteError> {
        let mut input = super::members(input)?.clone();
        self.depth += 1;
        if let Some(rules) = rules::of(schema.path) {
            rules.before_create(self, &mut input)?;
        }
        let uuid_asked = self.context.slug.filter(|_| self.depth == 1);
        let context = WriteContext { slug: uuid_asked, ..*self.context };
        let write = super::create_alone(self.projection(), schema, &input, &context)?;
        let object = self.take(write)?;
        if let Some(rules) = rules::of(schema.path) {
            rules.after_create(self, &object)?;
        }
        self.depth -= 1;
        Ok(object)
    }

    /// Replaces an object, and what it brought along.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn replace(
        &mut self,
        schema: &'static TypeSchema,
        uuid: &str,
        input: &Value,
    ) -> Result<Arc<Object>, WriteError> {
        let context = self.context;
        let before = super::existing(self.projection(), schema, uuid, context)?.clone();
        let mut input = input.clone();
        self.depth += 1;
        if let (Some(rules), Some(input)) = (rules::of(schema.path), input.as_object_mut()) {
            rules.before_replace(self, &before, input)?;
        }
        let context = self.context;
        let write = super::replace_alone(self.projection(), schema, uuid, &input, context)?;
        let object = self.take(write)?;
        self.depth -= 1;
        Ok(object)
    }

    /// Removes an object, and what it brought along.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn delete(&mut self, schema: &'static TypeSchema, uuid: &str) -> Result<(), WriteError> {
        let context = self.context;
        let before = super::existing(self.projection(), schema, uuid, context)?.clone();
        self.depth += 1;
        if let Some(rules) = rules::of(schema.path) {
            rules.before_delete(self, &before)?;
        }
        let write = super::delete_alone(self.projection(), schema, uuid, context)?;
        self.take(write)?;
        if let Some(rules) = rules::of(schema.path) {
            rules.after_delete(self, &before)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Makes an object as the controller itself: a `system_default` one cannot be deleted by clients.
    pub(crate) fn create_as_controller(
        &mut self,
        schema: &'static TypeSchema,
        input: &Value,
        system_default: bool,
    ) -> Result<Arc<Object>, WriteError> {
        let context = WriteContext { slug: None, origin: Origin::Controller { system_default }, ..*self.context };
        let write = super::create_alone(self.projection(), schema, super::members(input)?, &context)?;
        self.aside(|batch| batch.take(write))
    }

    /// Removes an object as the controller itself.
    pub(crate) fn delete_as_controller(&mut self, schema: &'static TypeSchema, uuid: &str) -> Result<(), WriteError> {
        let origin = Origin::Controller { system_default: false };
        let context = WriteContext { slug: None, origin, ..*self.context };
        let write = super::delete_alone(self.projection(), schema, uuid, &context)?;
        self.aside(|batch| batch.take(write)).map(drop)
    }

    /// Steps on behalf of another, which is the one that was asked for.
    pub(crate) fn aside<T>(&mut self, step: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let done = step(self);
        self.depth -= 1;
        done
    }

    /// The objects before the first step.
    pub(crate) fn base(&self) -> &'a Projection {
        self.base
    }

    /// The circumstances of all steps.
    pub(crate) fn context(&self) -> &'a WriteContext<'a> {
        self.context
    }

    /// All steps as one write; its `change` is the first object that the caller asked for.
    ///
    /// # Errors
    /// When there was no step, or a transaction cannot carry them all.
    pub fn finish(mut self) -> Result<Write, WriteError> {
        let keys = self.guards.len().max(self.effects.len());
        if keys > KEYS_MAX {
            return Err(WriteError::TooLarge { keys, max: KEYS_MAX });
        }
        let main = self.main.filter(|main| *main < self.steps.len());
        let main = main.ok_or(WriteError::Body("it asks for no object"))?;
        let change = self.steps.remove(main);
        Ok(Write { change, others: self.steps, warnings: self.warnings, guards: self.guards, effects: self.effects })
    }

    /// Adds a step.
    fn take(&mut self, write: Write) -> Result<Arc<Object>, WriteError> {
        for guard in write.guards {
            // What an earlier step wrote was judged on `scratch`; the store has not seen it yet.
            let is_ours = self.effects.iter().any(|effect| effect.key() == guard.key());
            if !is_ours && !self.guards.contains(&guard) {
                self.guards.push(guard);
            }
        }
        self.pending.extend(write.effects.iter().cloned());
        for effect in write.effects {
            self.effects.retain(|earlier| earlier.key() != effect.key());
            self.effects.push(effect);
        }
        self.warnings.extend(write.warnings);
        let object = match &write.change {
            Change::Created(object) | Change::Replaced { after: object, .. } | Change::Deleted(object) => {
                object.clone()
            }
        };
        self.steps.push(write.change);
        if self.depth == 1 && self.main.is_none() {
            self.main = Some(self.steps.len() - 1);
        }
        Ok(object)
    }
}
