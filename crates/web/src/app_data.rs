//! Application data: the values that handlers take as [`web::Data`], each by its type.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};

/// Values for the handlers of all threads, one of each type.
#[derive(Clone, Default)]
pub struct AppData(BTreeMap<TypeId, Value>);

#[derive(Clone)]
struct Value {
    value: Arc<dyn Any + Send + Sync>,
    install: Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>,
}

impl AppData {
    /// Adds this value, for handlers that take `web::Data<T>`.
    pub fn share<T: Send + Sync + 'static>(&mut self, value: Arc<T>) {
        let data = web::Data::from(Arc::clone(&value));
        let install = move |app: &mut ServiceConfig| {
            app.app_data(data.clone());
        };
        self.0.insert(TypeId::of::<T>(), Value { value, install: Arc::new(install) });
    }

    /// The value of this type, if there is one.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.0.get(&TypeId::of::<T>())?.value).downcast().ok()
    }

    pub(crate) fn install(&self, app: &mut ServiceConfig) {
        for Value { install, .. } in self.0.values() {
            install(app);
        }
    }
}
